"""Loops over the faces between voxels of different phases, for numba."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel

FLAT = 1e-6
"""Slope of the smoothed masks, over the steepest one, below which they tell no direction."""


@kernel()
def add_faces(
    labels: NDArray[np.uint8],
    slopes: NDArray[np.float32],
    spans: NDArray[np.uint8],
    axis: int,
    area: NDArray[np.float64],
    connected: NDArray[np.float64],
) -> None:
    """Add the faces normal to an axis, each by the cosine of its angle to the interface.

    slopes     (phases, 3, z, y, x) of the smoothed masks
    spans      (z, y, x) bit a: the voxel's cluster spans along array axis a
    area       (phases, phases) of ordered pairs;  connected  (phases, phases, 3) of those whose
               voxels both span along an axis
    """
    nz, ny, nx = labels.shape
    dz, dy, dx = int(axis == 0), int(axis == 1), int(axis == 2)
    normal = np.zeros(3)
    for z in range(nz - dz):
        for y in range(ny - dy):
            for x in range(nx - dx):
                i, j = labels[z, y, x], labels[z + dz, y + dy, x + dx]
                if i == j:
                    continue
                square = 0.0
                for n in range(3):
                    here = slopes[i, n, z, y, x] - slopes[j, n, z, y, x]
                    there = (
                        slopes[i, n, z + dz, y + dy, x + dx] - slopes[j, n, z + dz, y + dy, x + dx]
                    )
                    normal[n] = here + there
                    square += normal[n] ** 2
                length = np.sqrt(square)
                cosine = abs(normal[axis]) / length if length > FLAT else 1.0
                area[i, j] += cosine
                both = spans[z, y, x] & spans[z + dz, y + dy, x + dx]
                for n in range(3):
                    if both >> n & 1:
                        connected[i, j, n] += cosine
