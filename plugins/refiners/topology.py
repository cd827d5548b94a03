"""Topology of a voxel: whether it can change phase and leave all components as they are."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine

FACES = np.array(
    [(-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)], dtype=np.int64
)


@subroutine()
def wrap_index(at: int, side: int, wrap: bool) -> int:
    """The index, wrapped where the axis is periodic, or -1 outside."""
    if 0 <= at < side:
        return at
    return at % side if wrap else -1


@kernel()
def count_components(
    labels: NDArray[np.uint8], wrap: NDArray[np.bool_], z: int, y: int, x: int, phase: int
) -> int:
    """How many components of a phase touch a voxel across a face, as its neighbourhood shows them.

    These are 6-connected among the 18 neighbours that share a face or an edge with the voxel. If
    there is one of the phase that it leaves and one of the phase that it takes, no component
    appears, vanishes, splits or joins another (Bertrand & Malandain, Pattern Recognit. Lett. 1994).
    """
    near = np.zeros((5, 5, 5), np.uint8)  # with a rim, so that no neighbour is out of range
    for i in range(-1, 2):
        a = wrap_index(z + i, labels.shape[0], wrap[0])
        for j in range(-1, 2):
            b = wrap_index(y + j, labels.shape[1], wrap[1])
            for k in range(-1, 2):
                c = wrap_index(x + k, labels.shape[2], wrap[2])
                beside = 1 <= abs(i) + abs(j) + abs(k) <= 2
                if beside and min(a, b, c) >= 0 and labels[a, b, c] == phase:
                    near[i + 2, j + 2, k + 2] = 1
    waiting = np.empty((18, 3), np.int64)
    components = 0
    for face in range(6):
        i, j, k = 2 + FACES[face, 0], 2 + FACES[face, 1], 2 + FACES[face, 2]
        if near[i, j, k] == 0:
            continue
        components += 1
        near[i, j, k] = 0
        waiting[0, 0], waiting[0, 1], waiting[0, 2] = i, j, k
        size = 1
        while size > 0:
            size -= 1
            i, j, k = waiting[size]
            for step in range(6):
                p, q, r = i + FACES[step, 0], j + FACES[step, 1], k + FACES[step, 2]
                if near[p, q, r] == 1:
                    near[p, q, r] = 0
                    waiting[size, 0], waiting[size, 1], waiting[size, 2] = p, q, r
                    size += 1
    return components
