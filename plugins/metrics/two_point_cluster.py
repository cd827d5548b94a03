"""Two-point cluster function.

C2(r): the probability that two voxels at distance r lie in the same cluster of a phase.

cost  O(voxels x lags) per phase and direction; 5 bytes a voxel

Torquato, Beasley & Chiew, J. Chem. Phys. 88, 6540 (1988).
"""

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Compared, Metric, Micrographs, ReconError, Volume, option
from recon.plugins.compiling import kernel, subroutine
from recon.plugins.metrics.curves import Curve, as_array, number_of_lags, ratio, windows
from recon.plugins.metrics.segments import along
from recon.plugins.structure.clusters import Clusters

AXES = {"x": 2, "y": 1, "z": 0}


@attrs.frozen
class TwoPointCluster(Metric):
    """Share of voxel pairs (p, p + r) in one cluster of a phase, along x, y and z.

    Clusters are connected through faces of voxels. Pairs are counted where they fit; with
    `periodic`, from every voxel, and clusters join through the border. Counts are exact. At most
    the two-point correlation, and equal to it for a connected phase; C2(0) is the volume fraction
    and C2(1) = S2(1), since neighbours are connected.

    returns  (phase, direction, lag); NaN at lags that do not fit. A phase that does not occur has 0
    Needs a volume: slices do not show what is connected.
    """

    name = "two-point-cluster"
    title = "Two-point cluster function"
    compared = (Compared(phrase="the two-point cluster function", symbol="C2"),)
    max_lag: int | None = option(
        None, "Largest lag in voxels; default half the shortest side.", min=1
    )
    periodic: bool = option(False, "Continue the volume periodically.")

    def measure(self, sample: Volume | Micrographs) -> xr.DataArray:
        """Two-point cluster functions of a volume."""
        if isinstance(sample, Micrographs):
            raise ReconError(f"metric {self.name} needs a volume, got micrographs")
        lags = number_of_lags(sample, self.max_lag)
        by_phase = [self._curves(sample.labels == k, lags) for k in range(len(sample.phases))]
        curves = {name: np.stack([curve[i] for curve in by_phase]) for i, name in enumerate(AXES)}
        return as_array(self.name, "direction", curves)

    def _curves(self, mask: NDArray[np.bool_], lags: int) -> list[Curve]:
        """Curves (lags,) of one phase along x, y and z."""
        labelled = Clusters(mask, self.periodic)
        clusters = (
            labelled.whole[labelled.index] if labelled.wholes < labelled.count else labelled.index
        )
        curves = []
        for axis in AXES.values():
            side = mask.shape[axis]
            hits = count_common(along(clusters, axis), lags, self.periodic)
            tries = mask.size // side * windows(side, lags, self.periodic)
            curves.append(ratio(hits, tries))
        return curves


@kernel()
def count_common(clusters: NDArray[np.int32], lags: int, periodic: bool) -> NDArray[np.int64]:
    """Pairs at lag r < lags along the middle axis that are in one cluster (0: in none)."""
    counts = np.zeros(lags, np.int64)
    outer, length, inner = clusters.shape
    for i in range(outer):
        block = clusters[i].reshape(length * inner)
        for r in range(lags if periodic else min(lags, length)):
            split = (length - r % length) * inner
            counts[r] += _equal(block[:split], block[block.size - split :])
            if periodic:
                counts[r] += _equal(block[split:], block[: block.size - split])
    return counts


@subroutine()
def _equal(one: NDArray[np.int32], other: NDArray[np.int32]) -> np.int64:
    equal = np.int64(0)
    for i in range(one.size):
        equal += np.int64((one[i] == other[i]) & (one[i] > 0))
    return equal
