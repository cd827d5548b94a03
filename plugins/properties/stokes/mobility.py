"""What is known before the solve: local mobilities, and the flow that Darcy's law makes of them.

The mobility of a face is the velocity that a unit force would give there in the absence of
pressure; the pressure meets it as long as it varies slowly, see `solver`. For arrays of numpy and
of torch.
"""

from collections.abc import Callable
from typing import Any

from recon.plugins.properties.diffusion.solver import Ritz

STEPS = 3
"""Of conjugate gradients, for the mobility and for Darcy's law. With two of the latter the solve
took a step more on sandstone."""
NOTHING = 1e-10
"""Squared norm of a residual, relative to the first, that is rounding errors."""


def conjugate_gradients(
    r: Any,
    matrix: Callable[[Any], Any],
    cycle: Callable[[Any], Any],
) -> tuple[Any, float]:
    """A few steps; what they found, and the least Ritz value of the cycle times the matrix.

    r       right-hand side, overwritten
    matrix  and `cycle`, its approximate inverse: both return what they may reuse
    """
    z = cycle(r)
    u, p, ritz, least = 0 * z, 1 * z, Ritz(), 1.0
    first = rho = _dot(r, z)
    for n in range(STEPS):
        q = matrix(p)
        curvature = _dot(p, q)
        if rho <= NOTHING * first or curvature <= 0:
            break
        alpha = rho / curvature
        u += alpha * p
        if n == STEPS - 1:
            return u, ritz.least(alpha, 0.0)
        r -= alpha * q
        z = cycle(r)
        before, rho = rho, _dot(r, z)
        least = ritz.least(alpha, rho / before)
        p *= rho / before
        p += z
    return u, least


def darcy_flow(
    force: Any,
    conductance: Any,
    gradient: Callable[[Any], Any],
    divergence: Callable[[Any], Any],
    viscous: Callable[[Any], Any],
    solve: Callable[[Any], Any],
) -> tuple[Any, Any, Any, Any]:
    """Velocity and pressure by Darcy's law, and what each leaves of the force and of no divergence.

    conductance  (3, z, y, x) velocity for a unit force on each control volume
    gradient, divergence, viscous: the blocks of the matrix; what they return may be overwritten
    solve        pressure for a divergence
    The velocity is scaled to the viscous forces that it meets.
    """
    p = solve(divergence(conductance * force))
    push = force - gradient(p)
    u = conductance * push
    drag, source = viscous(u), divergence(u)
    work, dissipated = _dot(u, push), _dot(u, drag)
    scale = work / dissipated if work > 0 and dissipated > 0 else 1.0
    u *= scale
    drag *= -scale
    push += drag
    return u, p, push, -scale * source


def _dot(a: Any, b: Any) -> float:
    return float(a.ravel() @ b.ravel())
