"""Creeping flow of a periodic volume assembled face by face and solved directly."""

import itertools

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from recon.plugins.structure.clusters import Clusters

UNITS = np.eye(3, dtype=int)


def permeability(fluid: np.ndarray, axis: int, size: tuple[float, ...]) -> float:
    """Permeability along an array axis under a unit force, voxel by voxel."""
    clusters = Clusters(fluid, True)
    fluid = without_dead_ends(clusters.carrying(axis)[clusters.index])
    shape = np.array(fluid.shape)

    def flows(cell: np.ndarray) -> bool:
        return bool(fluid[tuple(cell % shape)])

    cells = [tuple(cell) for cell in np.argwhere(fluid)]
    faces = [(n, c) for n, c in itertools.product(range(3), cells) if flows(c + UNITS[n])]
    number = {key: k for k, key in enumerate(faces + cells)}
    entries: dict[tuple[int, int], float] = {}

    def add(row: int, column: int, value: float) -> None:
        entries[row, column] = entries.get((row, column), 0.0) + value

    for n, cell in faces:
        row = number[n, cell]
        for other, side in itertools.product(range(3), (1, -1)):
            step, weight = side * UNITS[other], 1 / size[other] ** 2
            beside = (n, tuple((cell + step) % shape))
            if beside in number:
                add(row, row, weight)
                add(row, number[beside], -weight)
            else:
                on_face = flows(cell + step) or flows(cell + step + UNITS[n])
                add(row, row, weight if n == other or on_face else 2 * weight)
        upper = number[tuple((cell + UNITS[n]) % shape)]
        for p, sign in ((number[cell], 1), (upper, -1)):
            add(row, p, sign / size[n])
            add(p, row, sign / size[n])
    for cell in cells:
        add(number[cell], number[cell], -1e-11)  # pressure is known up to a constant
    if not faces:
        return 0.0
    rows, columns = np.array(list(entries)).T
    matrix = sp.csc_matrix((list(entries.values()), (rows, columns)))
    force = np.array([float(k < len(faces) and faces[k][0] == axis) for k in range(len(number))])
    return float(force @ spsolve(matrix, force)) / fluid.size


def mirrored(fluid: np.ndarray, axis: int, sealed: bool) -> tuple[np.ndarray, float]:
    """A periodic volume with the same flow as under a pressure drop, and its share of sides."""
    walls = [(0, int(sealed and n != axis)) for n in range(3)]
    walled = np.pad(fluid, walls)
    return np.concatenate([walled, np.flip(walled, axis)], axis), fluid.size / walled.size


def without_dead_ends(fluid: np.ndarray) -> np.ndarray:
    """Fluid voxels that have at least two open faces among such."""
    while True:
        ways = sum(np.roll(fluid, side, n).astype(int) for n in range(3) for side in (1, -1))
        kept = fluid & (ways > 1)
        if (kept == fluid).all():
            return kept
        fluid = kept
