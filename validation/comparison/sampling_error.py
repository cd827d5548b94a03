"""Sampling error: how far real subvolumes of the material are from it.

Here of shares of pairs or runs, each subvolume against the material without it; subvolumes.py
does anything else.
"""

from collections.abc import Callable, Sequence

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.validation.comparison.boxes import (
    Shape,
    choose_boxes,
    count_disjoint,
    count_independent,
)
from recon.validation.comparison.leave_one_out import LeaveOneOut
from recon.validation.window_runs import WindowRuns, arrange_micrographs

SUBVOLUMES = 16
"""Real subvolumes at least, where the reference has them."""
ESTIMATED = "sampling error estimated from 2D"
NO_ROOM = (
    "no sampling error: the reference is not larger than the sample, nothing would be left of it"
)
# dims that tell curves apart
ONE = ("phase", "direction", "plane", "constant", "sample", "subvolume")

Measure = Callable[[Volume | Micrographs], xr.DataArray]
"""Curves (phase, direction or plane, lag) of a sample; see metric_spec."""


def compute_error(curve: xr.DataArray, reference: xr.DataArray) -> xr.DataArray:
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
class SamplingError:
    """Errors of real subvolumes of the sample's size.

    curves  (subvolume, phase, direction or plane[, axis])
    errors  (subvolume, phase, direction or plane); NaN where one plane has fewer than another
    notes   how it was found, a sentence each
    worth   independent subvolumes that these are worth: overlapping ones are worth less
    """

    curves: xr.DataArray
    errors: xr.DataArray
    notes: tuple[str, ...]
    worth: float

    @property
    def mean(self) -> xr.DataArray:
        """Mean error of the subvolumes (phase, direction or plane)."""
        return self.errors.mean("subvolume")

    @property
    def deviation(self) -> xr.DataArray:
        """Standard deviation of their curves (phase, direction or plane[, axis])."""
        return self.curves.std("subvolume", ddof=1)


def leave_out_boxes(
    measure: Measure, reference: Volume, shape: Shape, least: int = SUBVOLUMES
) -> SamplingError | str:
    """From subvolumes of a reference volume, each left out of it; or why that cannot be.

    measure  by direction (see leave_one_out)
    shape    voxels of the sample along (z, y, x)
    least    subvolumes at least
    cost     some 0.1 s for each subvolume of 64^3

    They lie at regular places, overlap where the reference is too small for so many side by side,
    and are as large as fit where it is smaller than the sample.
    """
    boxes = choose_boxes(reference, shape, least)
    if not boxes:
        return NO_ROOM
    rest = LeaveOneOut(measure, reference)
    curves = [measure(Volume(reference.labels[box], phases=reference.phases)) for box in boxes]
    errors = [
        compute_error(curve, rest.measure_without(box))
        for curve, box in zip(curves, boxes, strict=True)
    ]
    size = tuple(side.stop - side.start for side in boxes[0])
    note = f"{len(boxes)} subvolumes of {format_shape(size)} voxels, each against the reference "
    note += "without it"
    room = count_disjoint(reference.shape, size)
    notes = [note if room >= len(boxes) else f"{note}; they overlap: {room} fit side by side"]
    if size != shape:
        notes.append(
            f"the reference holds no subvolume of the sample's {format_shape(shape)} voxels; "
            "smaller ones scatter more"
        )
    return SamplingError(
        stack_subvolumes(curves), stack_subvolumes(errors), tuple(notes), count_independent(boxes)
    )


def leave_out_windows(
    measure: Measure, micrographs: Micrographs, shape: Shape
) -> SamplingError | str:
    """Estimated from 2D, by left-out groups of windows; or why that cannot be.

    measure  by plane, shares that are averaged over windows of one size
    shape    voxels of the sample along (z, y, x)
    cost     some 2 ms for each window

    On each plane a group is a run of neighbouring windows that is worth one volume (see
    window_runs.py). Where one would take more than an eighth of the windows, an eighth is used, and
    what they scatter is scaled by the square root of the number of windows.
    """
    curves, errors, worths, notes = {}, {}, [], []
    for plane in micrographs.planes:
        runs = arrange_micrographs(micrographs, plane, shape)
        notes.append(runs.note)
        if runs.firsts:
            worths.append(runs.worth)
            each = _measure_windows(measure, micrographs, plane, runs)
            curves[plane], errors[plane] = leave_out_groups(each, runs.insides, runs.wanted)
    if not curves:
        return "; ".join(notes)
    planes = xr.Variable("plane", list(curves))
    dims = ("subvolume", "phase", "plane")
    return SamplingError(
        xr.concat(curves.values(), planes, join="outer").transpose(*dims, ...),
        xr.concat(errors.values(), planes, join="outer").transpose(*dims),
        (ESTIMATED, *notes),
        min(worths),
    )


def leave_out_groups(
    each: xr.DataArray, groups: Sequence[NDArray[np.int64]], wanted: int
) -> tuple[xr.DataArray, xr.DataArray]:
    """Curves and errors of left-out groups of windows.

    each    (subvolume, ...) of windows whose mean is that of the group
    groups  numbers of the windows of each, as many
    """
    count, size = each.sizes["subvolume"], len(groups[0])
    total = each.sum("subvolume", skipna=False)
    inside = stack_subvolumes(
        [each.isel(subvolume=group).mean("subvolume", skipna=False) for group in groups]
    )
    outside = (total - size * inside) / (count - size)
    mean = total / count
    of_errors, of_curves = scale_groups(count, size, wanted)
    return mean + (inside - mean) * of_curves, compute_error(inside, outside) * of_errors


def scale_groups(count: int, size: int, wanted: int) -> tuple[float, float]:
    """Factors of the errors and of the deviations of groups of `size` among `count` windows.

    Of independent windows: the variance of `size` of them against the others goes with
    1 / size + 1 / (count - size), about the mean of all with 1 / size - 1 / count. Wanted are
    those of a new volume: against all windows, and about the true mean.
    """
    errors = 1.0
    if size < wanted:
        errors = float(np.sqrt((1 / wanted + 1 / count) / (1 / size + 1 / (count - size))))
    return errors, float(np.sqrt(1 / wanted / (1 / size - 1 / count)))


def _measure_windows(
    measure: Measure, micrographs: Micrographs, plane: str, runs: WindowRuns
) -> xr.DataArray:
    """Curves (subvolume, phase, lag) of windows, each by itself."""
    found = [
        measure(Micrographs({plane: [window]}, micrographs.voxel_size, micrographs.phases))
        for window in runs.windows
    ]
    return stack_subvolumes(found).sel(plane=plane, drop=True)


def stack_subvolumes(found: Sequence[xr.DataArray]) -> xr.DataArray:
    """Results of subvolumes, all of one shape, along a dim `subvolume`."""
    first = found[0]
    values = np.stack([one.to_numpy() for one in found])
    return xr.DataArray(values, first.coords, ("subvolume", *first.dims)).assign_coords(
        subvolume=np.arange(len(found))
    )


def format_shape(shape: tuple[int, ...]) -> str:
    """64 x 64 x 64."""
    return " x ".join(map(str, shape))
