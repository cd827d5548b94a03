"""The velocity that a unit force would give in the absence of pressure.

Its value on a face is the local permeability that the pressure meets there, as long as the
pressure varies slowly; see `solver`. A few steps of conjugate gradients are enough, and they also
tell the least eigenvalue of the preconditioned viscous matrix. For arrays of numpy and of torch.
"""

from collections.abc import Callable
from typing import Any

from recon.plugins.properties.diffusion.solver import Ritz

STEPS = 3


def find_mobility(
    ones: Any, viscous: Callable[[Any], Any], cycle: Callable[[Any], Any]
) -> tuple[Any, float]:
    """Mobility (3, z, y, x), and the least Ritz value of the cycle times the viscous matrix.

    ones     unit force wherever there is a velocity, weighted by the control volumes
    viscous  the matrix;  cycle  the multigrid cycle; both return what they may reuse
    """
    r, u, ritz, least = ones.copy() if hasattr(ones, "copy") else ones.clone(), 0, Ritz(), 1.0
    z = cycle(r)
    rho = float((r * z).sum())
    p = z * 1.0
    for _ in range(STEPS):
        q = viscous(p)
        curvature = float((p * q).sum())
        if rho <= 0 or curvature <= 0:
            break
        alpha = rho / curvature
        u = u + alpha * p
        r -= alpha * q
        z = cycle(r)
        before, rho = rho, float((r * z).sum())
        least = ritz.least(alpha, rho / before)
        p = z + rho / before * p
    return u, least
