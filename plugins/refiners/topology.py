"""Topology of a voxel: whether it can change phase and leave all components as they are."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine

FACES = np.array(
    [(-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)], dtype=np.int64
)
EDGES = [step for step in product((-1, 0, 1), repeat=3) if sum(map(abs, step)) == 2]
NEAR = np.array([*FACES.tolist(), *EDGES], dtype=np.int64)
"""The 18 neighbours that share a face or an edge with a voxel."""
BESIDE = (np.abs(NEAR[:, None] - NEAR).sum(2) == 1) @ (1 << np.arange(len(NEAR)))
"""Of each of them, those that it shares a face with, as bits."""


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
    Sets of neighbours are the bits of a number.
    """
    near = 0
    for n in range(len(NEAR)):
        a = wrap_index(z + NEAR[n, 0], labels.shape[0], wrap[0])
        b = wrap_index(y + NEAR[n, 1], labels.shape[1], wrap[1])
        c = wrap_index(x + NEAR[n, 2], labels.shape[2], wrap[2])
        if min(a, b, c) >= 0 and labels[a, b, c] == phase:
            near |= 1 << n
    components = 0
    for face in range(len(FACES)):  # the first of NEAR
        grown = near & 1 << face
        if grown == 0:
            continue
        components += 1
        before = 0
        while grown != before:
            before = grown
            for n in range(len(NEAR)):
                if grown >> n & 1:
                    grown |= near & BESIDE[n]
        near &= ~grown
    return components
