"""Lineal-path function.

L(r): the probability that a run of r + 1 voxels lies wholly in a phase.

cost  O(voxels x longest run / 64) per phase and direction

Lu & Torquato, Phys. Rev. A 45, 922 (1992).
"""

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Compared, Metric, option
from recon.plugins.compiling import kernel, subroutine
from recon.plugins.metrics.curves import (
    Sample,
    as_array,
    by_direction,
    by_plane,
    line_curves,
    number_of_lags,
)
from recon.plugins.metrics.lines import popcount


@attrs.frozen
class LinealPath(Metric):
    """Share of runs of r + 1 voxels that lie wholly in a phase, along x, y and z.

    Runs are counted where they fit; with `periodic`, from every voxel. Counts are exact. Runs on
    micrographs are pooled over the slices of a plane; a direction seen on two planes is the mean
    of both.

    returns  (phase, direction, lag), or (phase, plane, lag): the mean of the two in-plane axes.
             NaN at lags that do not fit; a plane or direction that was not seen is absent
    """

    name = "lineal-path"
    title = "Lineal path"
    compared = (
        Compared(
            phrase="the lineal path", symbol="L", micrographs=True, sampling_error="remainder"
        ),
    )
    chunked = True
    max_lag: int | None = option(
        None, "Largest lag in voxels; default half the shortest side.", min=1
    )
    periodic: bool = option(False, "Continue the sample periodically.")
    planes: bool = option(False, "By plane instead of by direction.")

    def measure(self, sample: Sample) -> xr.DataArray:
        """Lineal-path curves of a volume or of micrographs."""
        lags = number_of_lags(sample, self.max_lag)
        curves = line_curves(count_runs, sample, lags, self.periodic)
        if self.planes:
            return as_array(self.name, "plane", by_plane(curves))
        return as_array(self.name, "direction", by_direction(curves))


def count_runs(
    words: NDArray[np.uint64], length: int, step: int, periodic: bool, lags: int
) -> NDArray[np.int64]:
    """Starts of runs of r + 1 voxels for r < lags (see lines.count_along).

    A start of a run of r + 1 voxels starts one of r and has the voxel r further on.
    """
    counts = np.zeros(lags, np.int64)
    _add_runs(words, words.copy(), length, step, periodic, counts)
    return counts


@kernel()
def _add_runs(
    words: NDArray[np.uint64],
    copy: NDArray[np.uint64],
    length: int,
    step: int,
    periodic: bool,
    counts: NDArray[np.int64],
) -> None:
    """`count_runs`, given a copy of the words to work in."""
    lags = counts.size
    for first in range(0, words.size, length * step):
        block = words[first : first + length * step]
        starts = copy[first : first + length * step]
        for r in range(lags if periodic else min(lags, length)):
            split = (length - r % length) * step
            alive = _narrow(starts[:split], block[block.size - split :])
            if periodic:
                alive += _narrow(starts[split:], block[: block.size - split])
            if alive == 0:
                break
            counts[r] += np.int64(alive)


@subroutine()
def _narrow(starts: NDArray[np.uint64], ahead: NDArray[np.uint64]) -> np.uint64:
    alive = np.uint64(0)
    for i in range(starts.size):
        starts[i] &= ahead[i]
        alive += popcount(starts[i])
    return alive
