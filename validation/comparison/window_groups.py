"""Sampling error estimated from 2D: left-out groups of windows of micrographs.

On each plane a group is a run of neighbouring windows that is worth one volume (see
window_runs.py). Where one would take more than an eighth of the windows, an eighth is used, and
what they scatter is scaled by the square root of the number of windows. Of shares of pairs or runs
the windows without a group have exactly what the whole lacks then; of anything else to first order.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.validation.comparison.boxes import Shape
from recon.validation.comparison.metric_spec import MetricSpec
from recon.validation.comparison.sampling_error import ESTIMATED, SamplingError, compute_errors
from recon.validation.comparison.subvolumes import (
    WHAT,
    Found,
    MaterialStatistics,
    Progress,
    check_shapes,
    measure_specs,
)
from recon.validation.window_runs import WindowRuns, arrange_micrographs

Values = NDArray[np.float64]


def measure_window_groups(
    specs: Sequence[MetricSpec], micrographs: Micrographs, shape: Shape, progress: Progress
) -> MaterialStatistics:
    """What the windows of all planes have, and how far groups of them are from the others.

    The reference, too, is measured on windows of the size of the volume's slices, so that what
    borders do is the same on both sides.

    cost  24 to 48 groups of each plane
    """
    references, curves, errors, worths, notes = [], [], [], [], []
    planes = list(micrographs.planes)
    for number, plane in enumerate(planes):
        progress(WHAT, number, len(planes), "")
        runs = arrange_micrographs(micrographs, plane, shape)
        notes.append(runs.note)
        references.append(measure_specs(specs, _choose(micrographs, plane, runs.windows)))
        if runs.firsts:
            worths.append(runs.worth)
            of_curves, of_errors = _leave_out(specs, micrographs, plane, runs, references[-1])
            curves.append(of_curves)
            errors.append(of_errors)
    progress(WHAT, len(planes), len(planes), "")
    notes = [ESTIMATED, *notes] if curves else notes
    joined = _join_planes(errors)
    return MaterialStatistics(
        _join_planes(references),
        {
            name: SamplingError(values, joined[name], tuple(notes), min(worths))
            for name, values in _join_planes(curves).items()
        },
        tuple(notes),
    )


def leave_out_groups(
    groups: Values, whole: Values, count: int, size: int, wanted: int
) -> tuple[Values, Values]:
    """Curves (group, phase, axis) and errors (group, phase) of left-out groups of windows.

    groups  (group, phase, axis) of `size` of `count` windows each;  whole  (phase, axis) of all
    wanted  windows that the groups stand for
    """
    of_errors, of_curves = scale_groups(count, size, wanted)
    rest = (count * whole - size * groups) / (count - size)
    return whole + (groups - whole) * of_curves, compute_errors(groups, rest) * of_errors


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


def _leave_out(
    specs: Sequence[MetricSpec],
    micrographs: Micrographs,
    plane: str,
    runs: WindowRuns,
    whole: Found,
) -> tuple[Found, Found]:
    """Curves and errors of the runs of one plane, whose windows together have the whole."""
    groups: dict[str, list[Values]] = {name: [] for name in whole}
    for inside in runs.insides:
        group = _choose(micrographs, plane, runs.windows[inside])
        for spec in specs:
            for name, values in spec.measure_plane(group).items():
                groups[name].append(values)
    curves, errors = {}, {}
    for name, like in whole.items():
        values = like.to_numpy()[:, 0].reshape(like.sizes["phase"], -1)
        check_shapes(name, {one.shape for one in (values, *groups[name])})
        made = leave_out_groups(
            np.stack(groups[name]), values, len(runs.windows), runs.size, runs.wanted
        )
        curves[name], errors[name] = _label(made[0], like), _label(made[1], like)
    return curves, errors


def _choose(micrographs: Micrographs, plane: str, windows: NDArray[np.uint8]) -> Micrographs:
    return Micrographs({plane: list(windows)}, micrographs.voxel_size, micrographs.phases)


def _label(values: Values, like: xr.DataArray) -> xr.DataArray:
    """Values (group, phase[, axis]) of one plane with the coordinates of a measured result."""
    dims = like.dims if values.ndim == 3 else like.dims[:2]
    shape = [len(values), *(like.sizes[dim] for dim in dims)]
    coords = {key: value for key, value in like.coords.items() if set(value.dims) <= set(dims)}
    numbers = {"subvolume": np.arange(len(values))}
    return xr.DataArray(values.reshape(shape), {**coords, **numbers}, ("subvolume", *dims))


def _join_planes(by_plane: Sequence[Mapping[str, xr.DataArray]]) -> Found:
    """Results of single planes as one; a subvolume that a plane lacks is NaN there."""
    if not by_plane:
        return {}
    joined = {}
    for name, first in by_plane[0].items():
        whole = xr.concat([one[name] for one in by_plane], "plane", join="outer")
        joined[name] = whole.transpose(*first.dims)
    return joined
