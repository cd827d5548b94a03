"""Topology of a voxel: whether it can change phase and leave all components as they are."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import subroutine

FACES = np.array(
    [(-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)], dtype=np.int64
)
EDGES = [step for step in product((-1, 0, 1), repeat=3) if sum(map(abs, step)) == 2]
NEAR = np.array([*FACES.tolist(), *EDGES], dtype=np.int64)
"""The 18 neighbours that share a face or an edge with a voxel."""
BESIDE = (np.abs(NEAR[:, None] - NEAR).sum(2) == 1) @ (1 << np.arange(len(NEAR)))
"""Of each of them, those that it shares a face with, as bits."""


@subroutine()
def look_up(labels: NDArray[np.uint8], wrap: NDArray[np.bool_], z: int, y: int, x: int) -> int:
    """Phase of a voxel, wrapped where an axis is periodic; -1 outside."""
    depth, height, width = labels.shape
    if not 0 <= z < depth:
        z = z % depth if wrap[0] else -1
    if not 0 <= y < height:
        y = y % height if wrap[1] else -1
    if not 0 <= x < width:
        x = x % width if wrap[2] else -1
    return -1 if min(z, y, x) < 0 else int(np.int64(labels[z, y, x]))


@subroutine()
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
        if look_up(labels, wrap, z + NEAR[n, 0], y + NEAR[n, 1], x + NEAR[n, 2]) == phase:
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
