"""Curves over lags by direction and by plane, of volumes and micrographs alike."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import ChunkedVolume, Micrographs, Volume
from recon.core.data.planes import AXES, PLANES, in_plane
from recon.plugins.metrics.labels import coordinates
from recon.plugins.metrics.lines import LineKernel, count_along
from recon.plugins.metrics.slices import stacks

Curve = NDArray[np.float64]  # (phases, lags)
Sample = Volume | ChunkedVolume | Micrographs
Counts = TypeVar("Counts")
Merged = TypeVar("Merged")


def number_of_lags(sample: Sample, max_lag: int | None) -> int:
    """max_lag + 1; by default max_lag is half the shortest side of the sample."""
    if max_lag is not None:
        return max_lag + 1
    sides: list[int] = []
    if isinstance(sample, Micrographs):
        for images in sample.planes.values():
            sides += [side for image in images for side in image.shape]
    else:
        sides += sample.shape
    return min(sides) // 2 + 1


def windows(side: int, lags: int, periodic: bool) -> NDArray[np.int64]:
    """How many windows of r + 1 pixels fit on a line of `side` pixels, r = 0..lags-1."""
    return np.full(lags, side) if periodic else np.maximum(side - np.arange(lags), 0)


def line_curves(
    kernel: LineKernel, sample: Sample, lags: int, periodic: bool
) -> dict[str, dict[str, Curve]]:
    """Curves by plane and by the direction in it; those of a volume agree between its planes."""
    phases = len(sample.phases)

    def count(part: NDArray[np.uint8], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
        side = part.shape[axis]
        tries = part.size // side * windows(side, lags, periodic)
        return count_along(kernel, part, axis, phases, lags, periodic), tries

    return along_axes(count, pool_parts, sample)


def along_axes(
    count: Callable[[NDArray[np.uint8], int], Counts],
    merge: Callable[[Iterable[Counts]], Merged],
    sample: Sample,
) -> dict[str, dict[str, Merged]]:
    """By plane and direction in it: what is counted along lines, merged over parts of the sample.

    count  count(part, axis) of a part (n, a, b) that is as long along the axis as the sample
    """
    if isinstance(sample, Micrographs):
        return {
            plane: {
                AXES[axis]: merge(count(part, row) for part in stacks(images))
                for row, axis in enumerate(in_plane(plane), start=1)
            }
            for plane, images in sample.planes.items()
        }
    merged = {}
    for axis, name in enumerate(AXES):
        parts = sample.by_parts(partial(_counted, count, axis), whole=(axis,))
        merged[name] = merge(counted for _, counted in parts)
    return {plane: {AXES[i]: merged[AXES[i]] for i in in_plane(plane)} for plane in PLANES}


def _counted(
    count: Callable[[NDArray[np.uint8], int], Counts], axis: int, part: NDArray[np.uint8]
) -> Counts:
    return count(part, axis)


def pool_parts(parts: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> Curve:
    """Shares (phases, n) of hits (phases, n) in tries (n,), both summed over parts."""
    hits, tries = (sum(counts) for counts in zip(*parts, strict=True))
    return ratio(np.asarray(hits), np.asarray(tries))


def by_direction(curves: Mapping[str, Mapping[str, Curve]]) -> dict[str, Curve]:
    """Mean over the planes that show a direction; a direction that none shows is absent."""
    shown = {
        direction: [by_axis[direction] for by_axis in curves.values() if direction in by_axis]
        for direction in ("x", "y", "z")
    }
    return {
        direction: mean_that_fits(shown_curves)
        for direction, shown_curves in shown.items()
        if shown_curves
    }


def by_plane(curves: Mapping[str, Mapping[str, Curve]]) -> dict[str, Curve]:
    """Mean over the two directions of each plane."""
    return {plane: mean_that_fits(by_axis.values()) for plane, by_axis in curves.items()}


def mean_that_fits(curves: Iterable[Curve]) -> Curve:
    """Mean over the curves that reach a lag; NaN at lags that none reaches."""
    values = np.array(list(curves))
    reach = np.isfinite(values)
    return ratio(np.where(reach, values, 0.0).sum(0), reach.sum(0))


def ratio(hits: NDArray[Any], tries: NDArray[Any]) -> NDArray[np.float64]:
    """hits / tries, NaN where nothing was tried."""
    hits, tries = np.broadcast_arrays(hits, tries)
    shares = np.full(hits.shape, np.nan)
    np.divide(hits, tries, out=shares, where=tries > 0)
    return shares


def as_array(name: str, dimension: str, curves: Mapping[str, Curve]) -> xr.DataArray:
    """Curves as (phase, dimension, lag) with the coordinates of the contract."""
    values = np.stack(list(curves.values()), axis=1)
    phases, _, lags = values.shape
    places = {"phase": range(phases), dimension: tuple(curves), "lag": range(lags)}
    return xr.DataArray(values, coordinates(**places), tuple(places), name=name)
