"""Topology of a voxel: whether it can change phase and leave all components as they are."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import subroutine

FACES = 6
"""Neighbours that share a face with a voxel: the first of NEAR."""
ACROSS = [(-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)]
EDGES = [step for step in product((-1, 0, 1), repeat=3) if sum(map(abs, step)) == 2]
NEAR = np.array([*ACROSS, *EDGES], dtype=np.int64)
"""The 18 neighbours that share a face or an edge with a voxel."""
BESIDE = (np.abs(NEAR[:, None] - NEAR).sum(2) == 1) @ (1 << np.arange(len(NEAR)))
"""Of each of them, those that it shares a face with, as bits."""


def step_to_neighbours(shape: Sequence[int]) -> NDArray[np.int64]:
    """Steps (18,) from a voxel to its neighbours where the volume (Z, Y, X) lies in one row."""
    _, height, width = shape
    return np.asarray(NEAR @ np.array([height * width, width, 1]))


@subroutine()
def count_components(flat: NDArray[np.int8], near: NDArray[np.int64], at: int, phase: int) -> int:
    """How many components of a phase touch a voxel across a face, as its neighbourhood shows them.

    These are 6-connected among the 18 neighbours that share a face or an edge with the voxel. If
    there is one of the phase that it leaves and one of the phase that it takes, no component
    appears, vanishes, splits or joins another (Bertrand & Malandain, Pattern Recognit. Lett. 1994).
    Sets of neighbours are the bits of a number.

    flat  labels in one row, -1 where there is no voxel;  near  of `step_to_neighbours`
    """
    same = 0
    for n in range(len(near)):
        if flat[np.uint64(at + near[n])] == phase:
            same |= 1 << n
    components = 0
    for face in range(FACES):
        grown = same & 1 << face
        if grown == 0:
            continue
        components += 1
        before = 0
        while grown != before:
            before = grown
            for n in range(len(near)):
                if grown >> n & 1:
                    grown |= same & BESIDE[n]
        same &= ~grown
    return components
