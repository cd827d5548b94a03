"""Strain and stress in the elements, from displacements of the nodes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.elasticity.moduli import VOIGT

Field = NDArray[Any]


def mean_strain(u: Field) -> Field:
    """Mean strain (6, Z, Y, X) of every unit element, displacements (Z, Y, 3, X), periodic."""
    x_of = {0: 2, 1: 1, 2: 0}  # array axis along x, y, z
    strain = np.zeros((6, *u[:, :, 0].shape), u.dtype)
    for row, (i, j) in enumerate(VOIGT):
        strain[row] = _derivative(u[:, :, i], x_of[j])
        if i != j:
            strain[row] += _derivative(u[:, :, j], x_of[i])
    return strain


def _derivative(values: Field, axis: int) -> Field:
    """Mean derivative over each element along an array axis."""
    for other in range(3):
        shifted = np.roll(values, -1, other)
        values = shifted - values if other == axis else (shifted + values) / 2
    return values


def mean_stress(strain: Field, index: Field, stiffness: Field) -> Field:
    """C times the strain of every element; stiffness (M, 6, 6)."""
    stress = np.empty_like(strain)
    for i in range(6):
        stress[i] = sum(stiffness[:, i, j][index] * strain[j] for j in range(6))
    return stress


def von_mises(stress: Field) -> Field:
    """Equivalent stress (Z, Y, X)."""
    xx, yy, zz, yz, xz, xy = stress
    normal = (xx - yy) ** 2 + (yy - zz) ** 2 + (zz - xx) ** 2
    equivalent: Field = np.sqrt(normal / 2 + 3 * (yz**2 + xz**2 + xy**2))
    return equivalent
