"""Sampling error of any statistic: real subvolumes of the sample's size, measured as the sample.

What is counted by pairs or runs is held against the reference without the subvolume, see
sampling_error.py. Clusters, chords, thickness or a property know no "reference without a
subvolume", and depend on the size of what is looked at: they are measured on subvolumes alone, and
the reference is their mean.
"""

from collections.abc import Callable, Mapping, Sequence

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
    count_disjoint,
    count_independent,
    scale_overlaps,
)
from recon.validation.comparison.metric_spec import MetricSpec
from recon.validation.comparison.sampling_error import (
    ESTIMATED,
    NO_ROOM,
    SamplingError,
    compute_error,
    format_shape,
    scale_groups,
    stack_subvolumes,
)
from recon.validation.window_runs import WindowRuns, arrange_micrographs

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
    factors = scale_overlaps(boxes)
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


def measure_window_groups(
    specs: Sequence[MetricSpec], micrographs: Micrographs, shape: Shape, progress: Progress
) -> MaterialStatistics:
    """From left-out groups of windows of each plane (see sampling_error.leave_out_windows).

    The reference, too, is measured on windows of the size of the volume's slices, so that what
    borders do is the same on both sides.
    """
    references, curves, errors, worths, notes = [], [], [], [], [ESTIMATED]
    planes = list(micrographs.planes)
    for number, plane in enumerate(planes):
        progress(WHAT, number, len(planes), "")
        runs = arrange_micrographs(micrographs, plane, shape)
        notes.append(runs.note)
        references.append(_measure_group(specs, micrographs, plane, runs.windows))
        if runs.firsts:
            worths.append(runs.worth)
            of_curves, of_errors = _leave_out(specs, micrographs, plane, runs, references[-1])
            curves.append(of_curves)
            errors.append(of_errors)
    progress(WHAT, len(planes), len(planes), "")
    joined = _join_planes(errors)
    return MaterialStatistics(
        _join_planes(references),
        {
            name: SamplingError(values, joined[name], tuple(notes), min(worths))
            for name, values in _join_planes(curves).items()
        },
        tuple(notes),
    )


def _leave_out(
    specs: Sequence[MetricSpec],
    micrographs: Micrographs,
    plane: str,
    runs: WindowRuns,
    mean: Found,
) -> tuple[Found, Found]:
    """Curves and errors of the runs of one plane, whose windows together have the mean."""
    count, size = len(runs.windows), runs.size
    factor, of_curves = scale_groups(count, size, runs.wanted)
    groups = stack_named(
        [_measure_group(specs, micrographs, plane, runs.windows[inside]) for inside in runs.insides]
    )
    curves = {name: mean[name] + (one - mean[name]) * of_curves for name, one in groups.items()}
    # The rest, to first order in what one group adds to the whole.
    rest = {
        name: mean[name] + (mean[name] - one) * size / (count - size)
        for name, one in groups.items()
    }
    return curves, {name: compute_error(one, rest[name]) * factor for name, one in groups.items()}


def _measure_group(
    specs: Sequence[MetricSpec], micrographs: Micrographs, plane: str, windows: NDArray[np.uint8]
) -> Found:
    chosen = {plane: list(windows)}
    return measure_specs(specs, Micrographs(chosen, micrographs.voxel_size, micrographs.phases))


def stack_named(measured: Sequence[Found]) -> Found:
    """Results of subvolumes along a dim `subvolume`, by name."""
    stacked = {}
    for name in measured[0]:
        each = [one[name] for one in measured]
        shapes = {one.shape for one in each}
        if len(shapes) > 1:
            raise ReconError(
                f"metric {name.partition('.')[0]}: results of samples of one size must have one "
                f"shape to be compared, got {' and '.join(map(str, sorted(shapes)))}"
            )
        stacked[name] = stack_subvolumes(each)
    return stacked


def _join_planes(by_plane: Sequence[Mapping[str, xr.DataArray]]) -> Found:
    """Results of single planes as one; a subvolume that a plane lacks is NaN there."""
    if not by_plane:
        return {}
    found = {}
    for name, first in by_plane[0].items():
        whole = xr.concat([one[name] for one in by_plane], "plane", join="outer")
        found[name] = whole.transpose(*first.dims)
    return found


def measure_specs(specs: Sequence[MetricSpec], sample: Volume | Micrographs) -> Found:
    """What all specs measure of a sample."""
    found: Found = {}
    for spec in specs:
        found |= spec.measure(sample)
    return found
