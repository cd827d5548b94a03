"""Percolation: does a phase connect opposite ends of the volume, and how much of it takes part?

cost  O(voxels) per phase, 5 bytes a voxel

Stauffer & Aharony, Introduction to Percolation Theory, Taylor & Francis (1994).
"""

import attrs
import numpy as np
import xarray as xr

from recon.core import Compared, Metric, Micrographs, ReconError, option
from recon.plugins.metrics.clusters_by_parts import ClustersByParts
from recon.plugins.metrics.curves import Sample

AXES = {"x": 2, "y": 1, "z": 0}


@attrs.frozen
class Percolation(Metric):
    """Clusters of each phase that span the volume, its components and the largest of them.

    Voxels are connected through their faces. A cluster spans along an axis when it has voxels in
    the first and in the last layer; with `periodic`, clusters join through the border and one
    spans when its periodic continuation extends along the axis without end.

    returns  percolates      (phase, axis) whether any cluster spans
             spanning_share  (phase, axis) share of the phase's voxels in clusters that span
             components      (phase,) number of clusters
             largest_share   (phase,) share of the phase's voxels in its largest cluster
             A phase that does not occur does not percolate, has 0 components and NaN shares.
    Needs a volume: slices do not show what is connected.
    """

    name = "percolation"
    title = "Percolation"
    compared = (
        # Yes or no in disguise: that no real subvolume spans does not say, with 16 of them, that
        # none does. What is connected is judged by the largest cluster and the cluster function.
        Compared(
            "spanning_share",
            "Share of a phase that percolates",
            "the share of a phase that percolates",
            places="axis",
            judged=False,
            occurrence="percolates",
        ),
        Compared(
            "largest_share",
            "Share of a phase in its largest cluster",
            "the share of a phase in its largest cluster",
        ),
    )
    chunked = True
    periodic: bool = option(False, "Continue the volume periodically.")

    def measure(self, sample: Sample) -> xr.Dataset:
        """Percolation of a volume."""
        if isinstance(sample, Micrographs):
            raise ReconError(f"metric {self.name} needs a volume, got micrographs")
        phases = len(sample.phases)
        percolates = np.zeros((phases, 3), bool)
        spanning = np.full((phases, 3), np.nan)
        components = np.zeros(phases, np.int64)
        largest = np.full(phases, np.nan)
        for phase in range(phases):
            clusters = ClustersByParts(sample, phase, self.periodic)
            components[phase] = clusters.wholes
            if clusters.wholes == 0:
                continue
            sizes = clusters.sizes
            largest[phase] = np.bincount(clusters.whole, sizes).max() / sizes.sum()
            for k, axis in enumerate(AXES.values()):
                spans = clusters.carrying(axis)
                percolates[phase, k] = spans.any()
                spanning[phase, k] = sizes[spans].sum() / sizes.sum()
        return xr.Dataset(
            {
                "percolates": (("phase", "axis"), percolates),
                "spanning_share": (("phase", "axis"), spanning),
                "components": ("phase", components),
                "largest_share": ("phase", largest),
            },
            {"phase": np.arange(phases), "axis": list(AXES)},
        )
