"""Stiffness of an element as the solver stores it, and what smoothing needs to know of it.

The grid has edges of length 1. Voxels with edges h_x, h_y, h_z come in by a change of variables:
with displacements v_i = h_i u_i a strain is that of the unit grid divided by h_i h_j, so that
the energy of a voxel is the one of a unit voxel of stiffness C_IJ V / (h_I h_J), where
h_I = h_i h_j for Voigt index I = (i, j) and V is the volume.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
ORTHOTROPIC = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1), (3, 3), (4, 4), (5, 5))
REST = tuple((i, j) for i in range(5) for j in range(max(3, i + 1), 6))
CORNERS = [(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]


def edge_products(edges: Sequence[float] | Floats) -> Floats:
    """h_I of the six Voigt indices, edges (x, y, z)."""
    return np.array([edges[i] * edges[j] for i, j in VOIGT])


def on_unit_grid(stiffness: Floats, edges: Sequence[float] | Floats) -> Floats:
    """Stiffness (..., 6, 6) of the unit voxel that stands for one with these edges (x, y, z)."""
    product = edge_products(edges)
    return stiffness * (np.prod(edges) / np.outer(product, product))


def packed(stiffness: Floats) -> Floats:
    """Table (M, 9) if every row is orthotropic in the axes of the grid, (M, 21) otherwise.

    Divided by 16, because a derivative is a quarter of the sum over corners that `rows` forms.
    """
    pairs = (
        ORTHOTROPIC if not any(np.any(stiffness[:, i, j]) for i, j in REST) else ORTHOTROPIC + REST
    )
    return np.stack([stiffness[:, i, j] for i, j in pairs], axis=1) / 16


def unpacked(table: Floats) -> Floats:
    """Stiffness (M, 6, 6) of a packed table."""
    stiffness = np.zeros((len(table), 6, 6))
    for column, (i, j) in zip(table.T, ORTHOTROPIC + REST, strict=False):
        stiffness[:, i, j] = stiffness[:, j, i] = 16 * column
    return stiffness


def element_matrix(stiffness: Floats) -> Floats:
    """The 24 x 24 matrix of the unit voxel; corner c of CORNERS has the degrees 3 c .. 3 c + 2."""
    total = np.zeros((24, 24))
    for point in np.array(CORNERS) / np.sqrt(3):
        strain = np.zeros((6, 24))
        for c, corner in enumerate(CORNERS):
            factors = [1 + s * p for s, p in zip(corner, point, strict=True)]
            d = [corner[i] * np.prod(np.delete(factors, i)) / 4 for i in range(3)]
            for row, (i, j) in enumerate(VOIGT):
                strain[row, 3 * c + i] += d[j]
                if i != j:
                    strain[row, 3 * c + j] += d[i]
        total += strain.T @ stiffness @ strain / 8
    return total


def element_matrices(stiffness: Floats) -> Floats:
    """Matrices (M, 24, 24) of many elements: linear in the stiffness."""
    pairs = [(i, j) for i in range(6) for j in range(i, 6)]
    matrices = np.zeros((len(stiffness), 24, 24))
    for i, j in pairs:
        unit = np.zeros((6, 6))
        unit[i, j] = unit[j, i] = 1
        matrices += stiffness[:, i, j, None, None] * element_matrix(unit)
    return matrices


def corner_block(stiffness: Floats) -> tuple[Floats, Floats]:
    """What an element adds to the diagonal block of a node.

    returns  (M, 6) the part that does not depend on the corner, and (M, 3, 6) the parts that take
             the sign yz, xz, xy of the corner; entries xx, yy, zz, yz, xz, xy of the block
    """
    tensor = np.zeros((len(stiffness), 3, 3, 3, 3))
    for a, (i, j) in enumerate(VOIGT):
        for b, (k, m) in enumerate(VOIGT):
            for p, q in {(i, j), (j, i)}:
                for r, t in {(k, m), (m, k)}:
                    tensor[:, p, q, r, t] = stiffness[:, a, b]
    alike = np.einsum("mijkj->mik", tensor) / 16 * (1 + 2 / 3 + 1 / 9)
    signed = []
    for j, k in ((1, 2), (0, 2), (0, 1)):
        mixed = tensor[:, :, j, :, k] + tensor[:, :, k, :, j]
        signed.append(mixed / 16 * (1 + 1 / 3))
    entries = [(i, j) for i, j in VOIGT]
    return (
        np.stack([alike[:, i, j] for i, j in entries], 1),
        np.stack([np.stack([part[:, i, j] for i, j in entries], 1) for part in signed], 1),
    )
