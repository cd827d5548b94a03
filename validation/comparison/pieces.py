"""Floor of any statistic: real pieces of the sample's size, all measured as the sample is.

What is counted by pairs or runs has a floor against the reference without the piece, see
floor.py. Clusters, chords, thickness or a property know no "reference without a piece", and
depend on the size of what is looked at: they are measured on pieces alone, and the reference is
the mean of the pieces.
"""

from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.validation.comparison.comparable import Probe
from recon.validation.comparison.crops import Box, Shape, apart, crops, overlaps, worth
from recon.validation.comparison.dealt import deal, scales
from recon.validation.comparison.floor import ESTIMATED, Floor, relative_error, times

Found = dict[str, xr.DataArray]
Progress = Callable[[str, int, int, str], None]


@attrs.frozen(eq=False)
class Real:
    """What the material has of some statistics, by name.

    reference  (phase, direction or plane[, axis])
    floors     of those that have one;  notes  how they were found, or why there is none
    """

    reference: Found
    floors: dict[str, Floor]
    notes: tuple[str, ...]


def boxes_of(reference: Volume, shape: Shape, least: int) -> list[Box]:
    """Crops of the sample's size, or as large as fit; none where nothing would be left."""
    z, y, x = (min(side, want) for side, want in zip(reference.shape, shape, strict=True))
    return [] if (z, y, x) == reference.shape else crops(reference.shape, (z, y, x), least)


def real_of_volume(
    probes: Sequence[Probe], reference: Volume, shape: Shape, least: int, progress: Progress
) -> Real:
    """From crops of a reference volume."""
    boxes = boxes_of(reference, shape, least)
    if not boxes:
        note = "no floor: the reference is not larger than the sample, nothing would be left of it"
        return Real(_measured(probes, reference), {}, (note,))
    measured = []
    for number, box in enumerate(boxes):
        progress("measure real pieces", number, len(boxes), "")
        labels = reference.labels[box]
        measured.append(_measured(probes, Volume(labels, reference.voxel_size, reference.phases)))
    progress("measure real pieces", len(boxes), len(boxes), "")
    size = tuple(side.stop - side.start for side in boxes[0])
    note = f"{len(boxes)} crops of {times(size)} voxels, each against the others"
    room = apart(reference.shape, size)
    if room < len(boxes):
        note += f"; they overlap ({room} fit side by side), and errors are scaled for that"
    curves = {name: stacked(measured, name) for name in measured[0]}
    factors = overlap_factors(boxes)
    return Real(
        {name: values.mean("piece") for name, values in curves.items()},
        {
            name: Floor(values, against_others(values, factors), (note,), worth(boxes))
            for name, values in curves.items()
        },
        (note,),
    )


def against_others(curves: xr.DataArray, factors: NDArray[np.float64]) -> xr.DataArray:
    """Error of each piece against the mean of the others, times its factor."""
    seen = curves.notnull()
    total, count = curves.sum("piece"), seen.sum("piece")
    others = (total - curves.fillna(0)) / (count - seen).where(count > seen)
    scale = xr.DataArray(factors, {"piece": curves["piece"]}, ("piece",))
    return (relative_error(curves, others) * scale).transpose(*curves.dims[:3])


def overlap_factors(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """How much further a new piece is from the mean of all than each piece from the others.

    Of what adds up over voxels, two pieces share the variance of their overlap: rho, the share of
    a piece that lies in the other. A new piece and the mean of all differ by 1 + mean of rho over
    pairs; a piece and the mean of the others by 1 + mean of rho over their pairs - 2 mean of rho
    with them.
    """
    rho = overlaps(boxes)
    n = len(boxes)
    shared = rho.sum(1) - 1
    new = 1 + rho.mean()
    others = (rho.sum() - 2 * shared - 1) / (n - 1) ** 2
    factors: NDArray[np.float64] = np.sqrt(new / (1 + others - 2 * shared / (n - 1)))
    return factors


def real_of_micrographs(
    probes: Sequence[Probe], micrographs: Micrographs, shape: Shape, progress: Progress
) -> Real:
    """From left-out groups of windows of each plane (see floor.floor_of_micrographs).

    The reference, too, is measured on windows of the size of the volume's slices, so that what
    borders do is the same on both sides.
    """
    references, curves, errors, counts, notes = [], [], [], [], [ESTIMATED]
    planes = list(micrographs.planes)
    for number, plane in enumerate(planes):
        progress("measure real pieces", number, len(planes), "")
        plan = deal(micrographs, plane, shape)
        notes.append(plan.note)

        def of(numbers: Sequence[int] | NDArray[np.int64]) -> Found:
            chosen = [plan.windows[i] for i in numbers]  # noqa: B023  called in this round only
            only = {plane: chosen}  # noqa: B023
            return _measured(probes, Micrographs(only, micrographs.voxel_size, micrographs.phases))

        count = len(plan.windows)
        mean = of(range(count))
        references.append(mean)
        if not plan.groups:
            continue
        counts.append(plan.worth)
        size = len(plan.groups[0])
        of_errors, of_curves = scales(count, size, plan.wanted)
        inside = [of(group) for group in plan.groups]
        of_groups = {name: stacked(inside, name) for name in mean}
        curves.append(
            {name: mean[name] + (one - mean[name]) * of_curves for name, one in of_groups.items()}
        )
        # The rest, to first order in what one group adds to the whole.
        rest = {
            name: mean[name] + (mean[name] - one) * size / (count - size)
            for name, one in of_groups.items()
        }
        errors.append(
            {name: relative_error(one, rest[name]) * of_errors for name, one in of_groups.items()}
        )
    progress("measure real pieces", len(planes), len(planes), "")
    of_pieces = _joined(errors)
    joined = {
        name: Floor(values, of_pieces[name], tuple(notes), min(counts))
        for name, values in _joined(curves).items()
    }
    return Real(_joined(references), joined, tuple(notes))


def stacked_pieces(pieces: Sequence[xr.DataArray]) -> xr.DataArray:
    """Results of pieces along a dim `piece`."""
    first = pieces[0]
    values = np.stack([one.to_numpy() for one in pieces])
    return xr.DataArray(values, first.coords, ("piece", *first.dims)).assign_coords(
        piece=np.arange(len(pieces))
    )


def stacked(pieces: Sequence[Found], name: str) -> xr.DataArray:
    """One statistic of pieces along a dim `piece`."""
    return stacked_pieces([one[name] for one in pieces])


def _joined(by_plane: Sequence[Mapping[str, xr.DataArray]]) -> Found:
    """Results of single planes as one; a piece that a plane lacks is NaN there."""
    if not by_plane:
        return {}
    found = {}
    for name, first in by_plane[0].items():
        whole = xr.concat([one[name] for one in by_plane], "plane", join="outer")
        found[name] = whole.transpose(*first.dims)
    return found


def _measured(probes: Sequence[Probe], sample: Volume | Micrographs) -> Found:
    found: Found = {}
    for probe in probes:
        found |= probe.of(sample)
    return found
