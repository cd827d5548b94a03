"""Conjugate gradients on the whole system of creeping flow, stopped on the error of the flux.

The matrix K of velocity and pressure is indefinite, but with a cycle C slightly larger than the
inverse of the viscous matrix A, and any S for the pressure, the preconditioned matrix is positive
definite in the inner product of (C^-1 subtracted from A, S^-1): Bramble and Pasciak's method,
with the iterations of a block-triangular preconditioner and the memory of conjugate gradients.

S is the sum of two limits. Pressures that vary within a pore meet Stokes flow without walls: the
identity. Those that vary slowly meet Darcy's law: the multigrid cycle of div(m grad p), with the
mobility m of each face.

The flux is taken from a functional that is stationary at the solution, so it converges twice as
fast as the field. What bounds its error is the norm of the residual, divided by the least Ritz
value.

Bramble & Pasciak, Math. Comp. 50, 1 (1988); Cahouet & Chabard, Int. J. Numer. Methods Fluids 8,
869 (1988), for a sum of two limits in time-dependent flow.
"""

from collections.abc import Callable
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core import ReconError
from recon.plugins.properties.diffusion.solver import Ritz

LIMIT = 400
SAFETY = 2.0  # of the error estimate: on all pores tried, the true error was 0.02 to 0.9 of it
BELIEVED = 3  # steps before which the least Ritz value says little, and what it is at most then
LEAST = 0.85
MARGIN = 0.9  # of the least eigenvalue of the cycle times A, which a few steps overestimate
RETRIES = 8
NOTHING = 1e-14  # squared residual, relative to that of no flow, which is rounding errors
Vector = NDArray[np.float64]
Watch = Callable[[int, float], None]


class Backend(Protocol):
    """The vectors of one solve and what is done with them, on some device."""

    def start(self, factor: float) -> tuple[float, float, float]:
        """Begin where the velocity is, C = factor times the cycle; returns what `advance` does."""

    def apply(self) -> float:
        """Preconditioned matrix times the direction; its inner product with the direction."""

    def advance(self, alpha: float) -> tuple[float, float, float]:
        """One step along the direction; squared norm, work of the force, squared residual."""

    def turn(self, beta: float) -> None:
        """The next direction."""

    def least(self) -> float:
        """Least Ritz value of the cycle times the viscous matrix."""

    def state(self) -> tuple[Vector, Vector]:
        """Velocity (3, z, y, x) on the faces and pressure (z, y, x)."""

    def rest(self) -> tuple[Vector, Vector]:
        """Residual of both."""


@attrs.frozen
class Outcome:
    """How a solve ended: the work of the force, its relative error as estimated, residual."""

    work: float
    error: float
    residual: float
    iterations: int


def iterate(
    backend: Backend,
    load: float,
    direction: str,
    tolerance: float,
    limit: int = LIMIT,
    watch: Watch = lambda steps, error: None,
) -> Outcome:
    """Solve until the relative error of the flux is below the tolerance.

    load       square of the force
    direction  its name, for the message
    watch      called after every step with their number and the relative error as estimated
    """
    factor, done, error = 1 / (MARGIN * backend.least()), 0, np.inf
    for _ in range(RETRIES):
        (norm, work, square), ritz = backend.start(factor), Ritz()
        if work > 0 and square <= NOTHING * load:
            return Outcome(work, 0.0, float(np.sqrt(square / load)), done)
        while norm > 0 and done < limit:
            curvature = backend.apply()
            if curvature <= 0:
                break
            alpha = norm / curvature
            before = norm
            norm, work, square = backend.advance(alpha)
            done += 1
            if not np.isfinite((norm, work, square)).all():
                raise ReconError(
                    f"permeability along {direction} broke down at iteration {done}: numbers "
                    "overflowed; check the voxel size"
                )
            error = SAFETY * norm / min(ritz.least(alpha, norm / before), LEAST)
            residual = float(np.sqrt(square / load))
            if work > 0:
                watch(done, abs(error) / work)
            believed = len(ritz.alphas) >= BELIEVED or square <= NOTHING * load
            if work > 0 and abs(error) <= tolerance * work and believed:
                return Outcome(work, abs(error) / work, residual, done)
            backend.turn(norm / before)
        factor *= 1.3  # the cycle was not larger than the inverse everywhere
    raise ReconError(
        f"permeability along {direction} did not converge: the error is still {error:.1e} after "
        f"{done} iterations, tolerance {tolerance:.1e}; raise permeability.tolerance"
    )
