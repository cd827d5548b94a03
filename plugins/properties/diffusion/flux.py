"""The flux of a solved diffusion system: the field for pictures, and how even it is."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.diffusion.system import System


def cell_flux(
    system: System, fluctuation: NDArray[np.float64], voxel_size: tuple[float, ...]
) -> NDArray[np.float32]:
    """Flux (3, z, y, x) along each array axis at the voxel centres: the mean of both faces.

    In units of D_0 times the mean gradient, so its mean along the gradient is the relative
    diffusivity. `voxel_size` in the order of the system's axes.
    """
    flux = np.empty((3, *system.shape), np.float32)
    for axis, face in enumerate(system.faces):
        flow = np.roll(fluctuation, -1, axis)
        flow -= fluctuation
        if axis == system.axis:
            flow += 1
        flow *= face
        both = flow + np.roll(flow, 1, axis)
        if axis == 0:
            rise = 0.5 if system.axis == 0 else 0.0
            both[0] += system.ends[0] * (fluctuation[0] + rise)
            both[-1] += system.ends[1] * (rise - fluctuation[-1])
        flux[axis] = both * (0.5 * voxel_size[system.axis] / voxel_size[axis])
    return flux


def unevenness(system: System, fluctuation: NDArray[np.float64]) -> float:
    """Variance of the flux over the layers across the gradient, relative to its mean squared.

    Layers weigh as they dissipate. It is zero where the fluctuation is solved for, and as a share
    of the dissipation the error is at least this.
    """
    face = np.moveaxis(system.faces[system.axis], system.axis, 0)
    w = np.moveaxis(fluctuation, system.axis, 0)
    flux, dissipated = np.zeros(len(w)), np.zeros(len(w))
    for layer in range(len(w)):
        jump = w[(layer + 1) % len(w)] - w[layer] + 1
        flow = face[layer] * jump
        flux[layer], dissipated[layer] = flow.sum(), np.vdot(flow, jump)
    weights = dissipated / max(dissipated.sum(), np.finfo(float).tiny)
    mean = float(weights @ flux)
    return float(weights @ (flux / mean - 1) ** 2) if mean > 0 else 0.0
