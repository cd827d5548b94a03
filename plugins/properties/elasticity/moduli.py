"""Stiffness of an element as the solver stores it, and what smoothing needs to know of it.

The grid has edges of length 1. Voxels with edges h_x, h_y, h_z come in by a change of variables:
with displacements v_i = h_i u_i a strain is that of the unit grid divided by h_i h_j, so that
the energy of a voxel is the one of a unit voxel of stiffness C_IJ V / (h_I h_J), where
h_I = h_i h_j for Voigt index I = (i, j) and V is the volume.

An element may resist the part of its strain that varies inside it by another stiffness than the
mean strain: with `deviatoric` of it, whose dilatation is the mean one everywhere (B-bar; Hughes,
Int. J. Numer. Meth. Eng. 15, 1413 (1980)), it does not lock where the material keeps its volume.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
ORTHOTROPIC = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1), (3, 3), (4, 4), (5, 5))
REST = tuple((i, j) for i in range(5) for j in range(max(3, i + 1), 6))
LARGEST_RATIO = 29 / 3
"""Of bulk to shear modulus at nu = 0.45."""
CORNERS = [(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]


def edge_products(edges: Sequence[float] | Floats) -> Floats:
    """h_I of the six Voigt indices, edges (x, y, z)."""
    return np.array([edges[i] * edges[j] for i, j in VOIGT])


def on_unit_grid(stiffness: Floats, edges: Sequence[float] | Floats) -> Floats:
    """Stiffness (..., 6, 6) of the unit voxel that stands for one with these edges (x, y, z)."""
    product = edge_products(edges)
    return stiffness * (np.prod(edges) / np.outer(product, product))


def deviatoric(stiffness: Floats) -> Floats:
    """Stiffness (..., 6, 6) that resists all of a strain but its dilatation."""
    project = np.eye(6)
    project[:3, :3] -= 1 / 3
    return np.asarray(project @ stiffness @ project)


def keeps_volume(stiffness: Floats) -> NDArray[np.bool_]:
    """Which of (M, 6, 6) resist dilatation so much more than shear that full elements lock.

    By Reuss's bulk modulus over Voigt's shear modulus, which no rotation changes; of isotropic ones
    those of nu > 0.45.
    """
    locking = np.zeros(len(stiffness), bool)
    solid = stiffness.any((1, 2))
    bulk = 1 / np.linalg.inv(stiffness[solid])[:, :3, :3].sum((1, 2))
    trace = np.trace(stiffness[solid][:, :3, :3], axis1=1, axis2=2)
    other = stiffness[solid][:, :3, :3].sum((1, 2)) - trace
    shear = (2 * trace - other + 6 * stiffness[solid][:, [3, 4, 5], [3, 4, 5]].sum(1)) / 30
    locking[solid] = bulk > (1 + 1e-9) * LARGEST_RATIO * shear
    return locking


def packed(stiffness: Floats, varying: Floats | None = None) -> Floats:
    """Table (M, 9) if every row is orthotropic in the axes of the grid, (M, 21) otherwise.

    With a stiffness of its own for the varying strain twice as many columns, those of this last.
    Divided by 16, because a derivative is a quarter of the sum over corners that `rows` forms.
    """
    parts = [stiffness] if varying is None else [stiffness, varying]
    aligned = not any(np.any(part[:, i, j]) for part in parts for i, j in REST)
    pairs = ORTHOTROPIC if aligned else ORTHOTROPIC + REST
    return np.stack([part[:, i, j] for part in parts for i, j in pairs], axis=1) / 16


def unpacked(table: Floats) -> tuple[Floats, Floats]:
    """Stiffness (M, 6, 6) of the mean and of the varying strain of a packed table."""
    parts = []
    for half in halves(table.T):
        stiffness = np.zeros((len(table), 6, 6))
        for column, (i, j) in zip(half, ORTHOTROPIC + REST, strict=False):
            stiffness[:, i, j] = stiffness[:, j, i] = 16 * column
        parts.append(stiffness)
    return parts[0], parts[-1]


def halves(columns: Any) -> list[Any]:
    """Columns (m, ...) of a packed table for the mean strain, and those for the varying one."""
    m = len(columns)
    return [columns[: m // 2], columns[m // 2 :]] if m in (18, 42) else [columns]


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


def mean_matrix(stiffness: Floats) -> Floats:
    """The part of `element_matrix` that the mean strain makes."""
    strain = np.zeros((6, 24))
    for c, corner in enumerate(CORNERS):
        for row, (i, j) in enumerate(VOIGT):
            strain[row, 3 * c + i] += corner[j] / 4
            if i != j:
                strain[row, 3 * c + j] += corner[i] / 4
    return np.asarray(strain.T @ stiffness @ strain)


def element_matrices(stiffness: Floats, varying: Floats) -> Floats:
    """Matrices (M, 24, 24) of many elements: linear in the stiffness of mean and varying strain."""
    pairs = [(i, j) for i in range(6) for j in range(i, 6)]
    matrices = np.zeros((len(stiffness), 24, 24))
    for i, j in pairs:
        unit = np.zeros((6, 6))
        unit[i, j] = unit[j, i] = 1
        mean = mean_matrix(unit)
        matrices += stiffness[:, i, j, None, None] * mean
        matrices += varying[:, i, j, None, None] * (element_matrix(unit) - mean)
    return matrices


def corner_block(stiffness: Floats, varying: Floats) -> tuple[Floats, Floats]:
    """What an element adds to the diagonal block of a node.

    stiffness, varying  (M, 6, 6) of the mean and of the varying strain

    returns  (M, 6) the part that does not depend on the corner, and (M, 3, 6) the parts that take
             the sign yz, xz, xy of the corner; entries xx, yy, zz, yz, xz, xy of the block
    """
    mean, rest = _as_tensor(stiffness), _as_tensor(varying)
    alike = np.einsum("mijkj->mik", mean + (2 / 3 + 1 / 9) * rest) / 16
    signed = []
    for j, k in ((1, 2), (0, 2), (0, 1)):
        tensor = mean + rest / 3
        signed.append((tensor[:, :, j, :, k] + tensor[:, :, k, :, j]) / 16)
    entries = [(i, j) for i, j in VOIGT]
    return (
        np.stack([alike[:, i, j] for i, j in entries], 1),
        np.stack([np.stack([part[:, i, j] for i, j in entries], 1) for part in signed], 1),
    )


def _as_tensor(stiffness: Floats) -> Floats:
    """C_ijkl (M, 3, 3, 3, 3)."""
    tensor = np.zeros((len(stiffness), 3, 3, 3, 3))
    for a, (i, j) in enumerate(VOIGT):
        for b, (k, m) in enumerate(VOIGT):
            for p, q in {(i, j), (j, i)}:
                for r, t in {(k, m), (m, k)}:
                    tensor[:, p, q, r, t] = stiffness[:, a, b]
    return tensor
