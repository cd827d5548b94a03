"""Sampling error: how far real subvolumes of the material are from it.

Here of shares of pairs or runs in a volume, each subvolume against the material without it;
subvolumes.py does anything else, window_groups.py what is known from micrographs alone.
"""

from collections.abc import Callable, Sequence

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core.data.volume import Volume
from recon.validation.comparison.boxes import (
    Shape,
    choose_boxes,
    count_disjoint,
    count_independent,
)
from recon.validation.comparison.leave_one_out import LeaveOneOut

SUBVOLUMES = 16
"""Real subvolumes at least, where the reference has them."""
ESTIMATED = "sampling error estimated from 2D"
NO_ROOM = (
    "no sampling error: the reference is not larger than the sample, nothing would be left of it"
)
# dims that tell curves apart
ONE = ("phase", "direction", "plane", "constant", "sample", "subvolume")

Measure = Callable[[Volume], xr.DataArray]
"""Curves (phase, direction, lag) of a sample; see metric_spec."""


def compute_error(curve: xr.DataArray, reference: xr.DataArray) -> xr.DataArray:
    """sum |f - f_ref| / sum |f_ref| over the lags (or whatever the axis is) that both reach.

    Of numbers |f - f_ref| / |f_ref|. A phase that neither has gives NaN, one that only the
    reference lacks infinity.
    """
    curve, reference = xr.broadcast(*xr.align(curve, reference, join="inner"))
    kept = [dim for dim in curve.dims if dim in ONE]
    curve, reference = (one.transpose(*kept, ...) for one in (curve, reference))
    flat = (*(curve.sizes[dim] for dim in kept), -1)
    errors = compute_errors(*(one.to_numpy().reshape(flat) for one in (curve, reference)))
    return xr.DataArray(errors, {dim: curve[dim] for dim in kept}, kept)


def compute_errors(
    curves: NDArray[np.float64], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """compute_error of plain arrays (..., phase, axis); an axis of numbers has length 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(curves - reference)
        reached = ~np.isnan(distance)
        scale = np.where(reached, np.abs(reference), 0).sum(-1)
        errors = np.where(reached, distance, 0).sum(-1) / scale
    return np.where(reached.any(-1), errors, np.nan)


def average(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    count = known.sum(axis)
    total = np.where(known, values, 0).sum(axis)
    mean: NDArray[np.float64] = total / np.where(count > 0, count, np.nan)
    return mean


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


def stack_subvolumes(results: Sequence[xr.DataArray]) -> xr.DataArray:
    """Results of subvolumes, all of one shape, along a dim `subvolume`."""
    first = results[0]
    values = np.stack([one.to_numpy() for one in results])
    return xr.DataArray(values, first.coords, ("subvolume", *first.dims)).assign_coords(
        subvolume=np.arange(len(results))
    )


def format_shape(shape: tuple[int, ...]) -> str:
    """64 x 64 x 64."""
    return " x ".join(map(str, shape))
