"""Which voxels belong to a cluster of their phase that leads from end to end along an axis."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.structure.clusters import Clusters


def spanning(labels: NDArray[np.uint8], phases: int) -> NDArray[np.uint8]:
    """Bits (z, y, x): bit a is set where the voxel's cluster spans along array axis a.

    Voxels of a phase are connected through their faces. cost  O(voxels) per phase, 5 bytes a voxel
    """
    bits = np.zeros(labels.shape, np.uint8)
    for phase in range(phases):
        clusters = Clusters(labels == phase, periodic=False)
        table = np.zeros(clusters.count + 1, np.uint8)
        for axis in range(3):
            table |= clusters.carrying(axis).astype(np.uint8) << axis
        bits |= table[clusters.index]
    return bits
