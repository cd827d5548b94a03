"""Sampling error of any statistic: real subvolumes of the sample's size, measured as the sample.

What is counted by pairs or runs is held against the reference without the subvolume, see
sampling_error.py. Clusters, chords, thickness or a property know no "reference without a
subvolume", and depend on the size of what is looked at: they are measured on subvolumes alone, and
the reference is their mean.
"""

from collections.abc import Callable, Sequence

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.validation.comparison.boxes import (
    Box,
    Shape,
    choose_boxes,
    compute_overlap_factors,
    count_disjoint,
    count_independent,
)
from recon.validation.comparison.metric_spec import MetricSpec
from recon.validation.comparison.sampling_error import (
    NO_ROOM,
    SamplingError,
    compute_error,
    format_shape,
    stack_subvolumes,
)

Found = dict[str, xr.DataArray]
Progress = Callable[[str, int, int, str], None]
WHAT = "measure real subvolumes"


@attrs.frozen(eq=False)
class MaterialStatistics:
    """What the material has of some statistics, by name.

    reference        (phase, direction or plane[, axis])
    sampling_errors  of those that have one
    notes            how they were found, or why there is none
    """

    reference: Found
    sampling_errors: dict[str, SamplingError]
    notes: tuple[str, ...]


def measure_subvolumes(
    specs: Sequence[MetricSpec], reference: Volume, shape: Shape, least: int, progress: Progress
) -> MaterialStatistics:
    """From subvolumes of a reference volume."""
    boxes = choose_boxes(reference, shape, least)
    if not boxes:
        return MaterialStatistics(measure_specs(specs, reference), {}, (NO_ROOM,))
    measured = []
    for number, box in enumerate(boxes):
        progress(WHAT, number, len(boxes), "")
        labels = reference.labels[box]
        subvolume = Volume(labels, reference.voxel_size, reference.phases)
        measured.append(measure_specs(specs, subvolume))
    progress(WHAT, len(boxes), len(boxes), "")
    note = _describe_boxes(boxes, reference)
    curves = stack_named(measured)
    factors = compute_overlap_factors(boxes)
    worth = count_independent(boxes)
    return MaterialStatistics(
        {name: values.mean("subvolume") for name, values in curves.items()},
        {
            name: SamplingError(values, compare_with_others(values, factors), (note,), worth)
            for name, values in curves.items()
        },
        (note,),
    )


def _describe_boxes(boxes: Sequence[Box], reference: Volume) -> str:
    size = tuple(side.stop - side.start for side in boxes[0])
    note = f"{len(boxes)} subvolumes of {format_shape(size)} voxels, each against the others"
    room = count_disjoint(reference.shape, size)
    if room < len(boxes):
        note += f"; they overlap ({room} fit side by side), and errors are scaled for that"
    return note


def compare_with_others(curves: xr.DataArray, factors: NDArray[np.float64]) -> xr.DataArray:
    """Error of each subvolume against the mean of the others, times its factor."""
    seen = curves.notnull()
    total, count = curves.sum("subvolume"), seen.sum("subvolume")
    others = (total - curves.fillna(0)) / (count - seen).where(count > seen)
    scale = xr.DataArray(factors, {"subvolume": curves["subvolume"]}, ("subvolume",))
    return (compute_error(curves, others) * scale).transpose(*curves.dims[:3])


def stack_named(measured: Sequence[Found]) -> Found:
    """Results of subvolumes along a dim `subvolume`, by name."""
    stacked = {}
    for name in measured[0]:
        each = [one[name] for one in measured]
        check_shapes(name, {one.shape for one in each})
        stacked[name] = stack_subvolumes(each)
    return stacked


def check_shapes(name: str, shapes: set[tuple[int, ...]]) -> None:
    """Refuse a result whose shape differs between samples of one size."""
    if len(shapes) > 1:
        raise ReconError(
            f"metric {name.partition('.')[0]}: results of samples of one size must have one "
            f"shape to be compared, got {' and '.join(map(str, sorted(shapes)))}"
        )


def measure_specs(specs: Sequence[MetricSpec], sample: Volume | Micrographs) -> Found:
    """What all specs measure of a sample."""
    measured: Found = {}
    for spec in specs:
        measured |= spec.measure(sample)
    return measured
