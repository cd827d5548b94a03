"""How far two curves are apart, and how far real pieces of the material are: the floor."""

import attrs
import numpy as np
import xarray as xr

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.kinds import Metric
from recon.validation.comparison.crops import Rest, Shape, apart, crops, measured, worth
from recon.validation.comparison.dealt import PIECES, deal, dealt, scales
from recon.validation.comparison.windows import Slices

ESTIMATED = "floor estimated from 2D"
ONE = ("phase", "direction", "plane", "constant", "sample", "piece")  # dims that tell curves apart


def relative_error(curve: xr.DataArray, reference: xr.DataArray) -> xr.DataArray:
    """sum |f - f_ref| / sum |f_ref| over the lags (or whatever the axis is) that both reach.

    Of numbers |f - f_ref| / |f_ref|. A phase that neither has gives NaN, one that only the
    reference lacks infinity.
    """
    distance = abs(curve - reference)
    along = [dim for dim in distance.dims if dim not in ONE]
    reached = distance.notnull()
    scale = abs(reference).where(reached).sum(along)
    return (distance.sum(along) / scale).where(reached.any(along))


@attrs.frozen(eq=False)
class Floor:
    """Errors of real pieces of the sample's size, each against the reference without it.

    curves  (piece, phase, direction or plane, lag)
    errors  (piece, phase, direction or plane); NaN where one plane has fewer pieces than another
    notes   how it was found, a sentence each
    worth   independent pieces that these are worth: overlapping ones are worth less
    """

    curves: xr.DataArray
    errors: xr.DataArray
    notes: tuple[str, ...]
    worth: float

    @property
    def mean(self) -> xr.DataArray:
        """Mean error of the pieces (phase, direction or plane)."""
        return self.errors.mean("piece")

    @property
    def deviation(self) -> xr.DataArray:
        """Standard deviation of the pieces' curves (phase, direction or plane, lag)."""
        return self.curves.std("piece", ddof=1)


def floor_of_volume(
    metric: Metric, reference: Volume, shape: Shape, least: int = PIECES
) -> Floor | str:
    """Floor from crops of a reference volume, or why there is none.

    metric  measures curves by direction (see crops.Rest)
    shape   voxels of the sample along (z, y, x)
    least   crops at least
    cost    some 0.1 s for each crop of 64^3

    The crops lie at regular places; they overlap where the reference is too small for 16
    apart, and are as large as fit where it is smaller than the sample.
    """
    z, y, x = (min(side, want) for side, want in zip(reference.shape, shape, strict=True))
    size = (z, y, x)
    if size == reference.shape:
        return "no floor: the reference is not larger than the sample, nothing would be left of it"
    boxes = crops(reference.shape, size, least)
    rest = Rest(metric, reference)
    curves = [
        measured(metric, Volume(reference.labels[box], phases=reference.phases)) for box in boxes
    ]
    errors = [
        relative_error(curve, rest.without(box)) for curve, box in zip(curves, boxes, strict=True)
    ]
    note = f"{len(boxes)} crops of {times(size)} voxels, each against the reference without it"
    room = apart(reference.shape, size)
    notes = [note if room >= len(boxes) else f"{note}; they overlap: {room} fit side by side"]
    if size != shape:
        notes.append(
            f"the reference holds no crop of the sample's {times(shape)} voxels; smaller ones "
            "scatter more"
        )
    return Floor(_stacked(curves), _stacked(errors), tuple(notes), worth(boxes))


def floor_of_micrographs(metric: Metric, micrographs: Micrographs, shape: Shape) -> Floor | str:
    """Floor estimated from 2D: left-out groups of windows, or why there is none.

    metric  measures curves by plane, as shares that are averaged over windows of one size
    shape   voxels of the sample along (z, y, x)
    cost    some 2 ms for each window

    On each plane a group holds as many windows of the size of the volume's slices as the volume
    holds independent slices (see windows.independent_slices). The windows are dealt at random
    to groups; fewer than 48 groups are dealt again until there are 48. Where one group would
    take more than half of the windows, groups of half of them are used, and what they scatter is
    scaled by the square root of the number of windows.
    """
    curves, errors, worths, notes = {}, {}, [], []
    for plane in micrographs.planes:
        plan = deal(micrographs, plane, shape)
        notes.append(plan.note)
        if plan.groups:
            worths.append(plan.worth)
            each = _window_curves(metric, micrographs, plane, plan.windows)
            curves[plane], errors[plane], _ = left_out(each, plan.wanted)
    if not curves:
        return "; ".join(notes)
    planes = xr.Variable("plane", list(curves))
    return Floor(
        xr.concat(curves.values(), planes, join="outer").transpose(
            "piece", "phase", "plane", "lag"
        ),
        xr.concat(errors.values(), planes, join="outer").transpose("piece", "phase", "plane"),
        (ESTIMATED, *notes),
        min(worths),
    )


def left_out(each: xr.DataArray, wanted: int) -> tuple[xr.DataArray, xr.DataArray, str]:
    """Curves and errors of left-out groups of windows, and how they were made.

    each  (piece, ...) of windows whose mean is that of the group
    """
    count = each.sizes["piece"]
    groups, note = dealt(count, wanted)
    size = len(groups[0])
    total = each.sum("piece", skipna=False)
    inside = _stacked([each.isel(piece=group).mean("piece", skipna=False) for group in groups])
    outside = (total - size * inside) / (count - size)
    mean = total / count
    of_errors, of_curves = scales(count, size, wanted)
    return mean + (inside - mean) * of_curves, relative_error(inside, outside) * of_errors, note


def _window_curves(
    metric: Metric, micrographs: Micrographs, plane: str, pieces: Slices
) -> xr.DataArray:
    """Curves (piece, phase, lag) of windows, each by itself."""
    found = [
        metric.measure(Micrographs({plane: [piece]}, micrographs.voxel_size, micrographs.phases))
        for piece in pieces
    ]
    first = xr.DataArray(found[0])
    stacked = xr.DataArray(
        np.stack([np.asarray(one) for one in found]), dims=("piece", *first.dims)
    )
    return stacked.assign_coords(first.coords).sel(plane=plane, drop=True)


def _stacked(pieces: list[xr.DataArray]) -> xr.DataArray:
    return xr.concat(pieces, "piece").assign_coords(piece=np.arange(len(pieces)))


def times(shape: tuple[int, ...]) -> str:
    """64 x 64 x 64."""
    return " x ".join(map(str, shape))
