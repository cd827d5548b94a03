"""How the effective conductivity changes with the conductivity of each voxel.

The dissipation is stationary in the concentration, and the adjoint solution is the solution itself.
So the derivative is local: of a face of conductance g between voxels of k_i and k_j it is

    d(g jump^2) / dk_i = g^2 / (2 k_i^2) jump^2,     g = 2 k_i k_j / (k_i + k_j).

A voxel that insulates has the one-sided derivative at 0: it takes the mean concentration of its
conducting neighbours, and each of these faces has g = 2 k.
"""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.diffusion.system import System

Field = NDArray[np.float64]


def differentiate(system: System, fluctuation: Field, k: Field, periodic: bool) -> Field:
    """d relative / d k, of the system's shape.

    k  conductivity of each voxel relative to the largest; 0 where no flux is carried
    """
    carries = k > 0
    inside = _of_conductors(system, fluctuation, k)
    outside = _of_insulators(system, fluctuation, carries, periodic)
    total = np.where(carries, inside, outside)
    return np.asarray(total / total.size / system.scale[system.axis])


def _of_conductors(system: System, w: Field, k: Field) -> Field:
    """Each face counts for the voxels on both of its sides."""
    twice = 2 * np.where(k > 0, k, 1) ** 2
    total = np.zeros(w.shape)
    for axis, face in enumerate(system.faces):
        jump = np.roll(w, -1, axis) - w + float(axis == system.axis)
        each = system.scale[axis] * (face * jump) ** 2
        total += each / twice + np.roll(each, 1, axis) / twice
    open_ends = system.ends > 0
    total[0] += open_ends[0] * system.scale[0] * 2 * (w[0] + 0.5) ** 2
    total[-1] += open_ends[1] * system.scale[0] * 2 * (w[-1] - 0.5) ** 2
    return total


def _of_insulators(system: System, w: Field, carries: NDArray[np.bool_], periodic: bool) -> Field:
    """2 sum s (c - mean c)^2 over the conducting neighbours and the fixed ends."""
    moments = np.zeros((3, *w.shape))
    for axis, scale in enumerate(system.scale):
        for side in (-1, 1):
            beside = np.roll(carries, -side, axis)
            if not periodic:
                np.moveaxis(beside, axis, 0)[0 if side < 0 else -1] = False
            rise = side * float(axis == system.axis)
            _add(moments, scale * beside.astype(np.float64), np.roll(w, -side, axis) + rise)
    if not periodic:
        _add(moments[:, :1], np.float64(system.scale[0]), np.float64(-0.5))
        _add(moments[:, -1:], np.float64(system.scale[0]), np.float64(0.5))
    weight, first, second = moments
    spread = second - first**2 / np.where(weight > 0, weight, 1)
    return np.asarray(2 * np.maximum(spread, 0))


def _add(moments: Field, weight: Field | np.float64, value: Field | np.float64) -> None:
    """Add a neighbour to the weight, the first and the second moment of its concentration."""
    moments[0] += weight
    moments[1] += weight * value
    moments[2] += weight * value**2
