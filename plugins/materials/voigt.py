"""Elasticity in Voigt notation: order xx, yy, zz, yz, xz, xy, engineering shear strains.

Axes are (..., 3, 3) with the local axes 1, 2, 3 as rows, written in global x, y, z.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

FIRST = np.array([0, 1, 2, 1, 0, 0])
SECOND = np.array([0, 1, 2, 2, 2, 1])
KELVIN = np.sqrt([1.0, 1, 1, 2, 2, 2])
"""Weights that turn a Voigt stiffness into the matrix of the tensor in an orthonormal basis."""


def rotate_stiffness(C: ArrayLike, axes: ArrayLike) -> Array:
    """Stiffness (..., 6, 6) of local axes written in global ones.

    Leading axes of both broadcast; 288 bytes a result, so give a large field in parts.
    """
    bond = build_bond_matrix(axes)
    rotated: Array = bond.swapaxes(-1, -2) @ np.asarray(C, float) @ bond
    return rotated


def rotate_expansion(alpha: ArrayLike, axes: ArrayLike) -> Array:
    """Thermal expansion (or any strain) (..., 6) of local axes written in global ones."""
    back = build_bond_matrix(np.swapaxes(np.asarray(axes, float), -1, -2))
    rotated: Array = (back @ np.asarray(alpha, float)[..., None])[..., 0]
    return rotated


def build_bond_matrix(axes: ArrayLike) -> Array:
    """Bond matrix (..., 6, 6) that takes a global strain to local axes.

    local strain_ab = R_ai R_bj strain_ij; the stiffness turns with its transpose.
    Auld, Acoustic Fields and Waves in Solids I (1973), section 3.D.
    """
    R = np.asarray(axes, float)
    a, b = FIRST[:, None], SECOND[:, None]
    i, j = FIRST[None], SECOND[None]
    both: Array = R[..., a, i] * R[..., b, j] + R[..., a, j] * R[..., b, i]
    both[..., :3, :] /= 2
    return both


def build_frames(directions: ArrayLike) -> Array:
    """Local axes (..., 3, 3) of which axis 1 is along the vectors (..., 3) in x, y, z.

    Axis 2 is the coordinate axis that follows cyclically on the one nearest to axis 1, made
    orthogonal to it: z gives (z, x, y). n and -n give frames that differ in the sign of axes 1
    and 3, which an orthotropic material does not notice.
    """
    n = np.asarray(directions, float)
    n = n / np.linalg.norm(n, axis=-1, keepdims=True)
    second = np.eye(3)[(np.abs(n).argmax(-1) + 1) % 3]
    second = second - (second * n).sum(-1, keepdims=True) * n
    second /= np.linalg.norm(second, axis=-1, keepdims=True)
    made: Array = np.stack([n, second, np.cross(n, second)], -2)
    return made


def build_isotropic(E: float, nu: float) -> Array:
    """Stiffness (6, 6) of Young's modulus and Poisson's ratio."""
    G = E / (2 * (1 + nu))
    return build_orthotropic((E,) * 3, (nu,) * 3, (G,) * 3)


def build_orthotropic(
    E: tuple[float, float, float], nu: tuple[float, float, float], G: tuple[float, float, float]
) -> Array:
    """Stiffness (6, 6) of E1, E2, E3; nu12, nu13, nu23 (nu_ij = -S_ij / S_ii); G12, G13, G23."""
    S = np.zeros((6, 6))
    S[[0, 1, 2], [0, 1, 2]] = 1 / np.array(E)
    S[[5, 4, 3], [5, 4, 3]] = 1 / np.array(G)
    for (i, j), ratio in zip(((0, 1), (0, 2), (1, 2)), nu, strict=True):
        S[i, j] = S[j, i] = -ratio / E[i]
    C = np.linalg.inv(S)
    symmetric: Array = (C + C.T) / 2
    return symmetric
