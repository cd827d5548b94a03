"""Conjugate gradients on a diffusion system, stopped on the error of the flux.

The dissipation of a field exceeds that of the solution by the squared energy norm of its error,
so the flux converges twice as fast as the field. With M the preconditioner, r . M r divided by
the least eigenvalue of M A bounds that error from above; the eigenvalue is the least Ritz value,
which the coefficients of the iteration give for free.
"""

from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core import ReconError

LIMIT = 400
# The Ritz value approaches the eigenvalue from above, so the estimated error is multiplied by this.
SAFETY = 2.0
# Share of the linear rise's dissipation below which its sources are rounding errors.
NOTHING = 1e-26


class Backend(Protocol):
    """The vectors of one solve and what is done with them, on some device."""

    def start(self) -> tuple[float, float]:
        """w = 0, r = -A rise, p = z = M r; r . r and r . z."""

    def apply(self) -> float:
        """q = A p; p . q."""

    def advance(self, alpha: float) -> float:
        """w += alpha p, r -= alpha q; r . r."""

    def precondition(self) -> float:
        """z = M r; r . z."""

    def turn(self, beta: float) -> None:
        """p = z + beta p."""

    def fluctuation(self) -> NDArray[np.float64]:
        """w."""


@attrs.frozen
class Outcome:
    """How a solve ended: flux error as estimated, residual |b - A w| / |b|, iterations."""

    error: float
    residual: float
    iterations: int


def iterate(
    backend: Backend,
    energy: float,
    direction: str,
    tolerance: float,
    limit: int = LIMIT,
    property: str = "diffusivity",
) -> Outcome:
    """Solve for the fluctuation until the relative error of the flux is below the tolerance.

    energy     dissipation of the linear rise alone
    direction  its name, for messages, as that of the property
    """
    squared, rho = backend.start()
    first, ritz, error = squared, Ritz(), 1.0
    if squared <= NOTHING * energy:
        return Outcome(0.0, 0.0, 0)
    for iteration in range(1, limit + 1):
        curvature = backend.apply()
        if curvature <= 0:
            break
        alpha = rho / curvature
        squared = backend.advance(alpha)
        energy -= alpha * rho
        before, rho = rho, backend.precondition()
        beta = rho / before
        if not np.isfinite((alpha, beta, squared)).all():
            raise ReconError(
                f"{property} along {direction} broke down at iteration {iteration}: numbers "
                "overflowed; choose coefficients nearer to each other"
            )
        error = SAFETY * rho / (ritz.least(alpha, beta) * energy)
        if not np.isfinite(error):
            break
        if abs(error) <= tolerance:
            return Outcome(abs(error), float(np.sqrt(squared / first)), iteration)
        backend.turn(beta)
    raise ReconError(
        f"{property} along {direction} did not converge: the flux error is still {error:.1e} "
        f"after {iteration} iterations, tolerance {tolerance:.1e}; "
        f"raise {property}.tolerance or choose coefficients nearer to each other"
    )


class Ritz:
    """Least Ritz value of the preconditioned matrix, from alpha and beta of the iteration."""

    def __init__(self) -> None:
        self.alphas: list[float] = []
        self.betas: list[float] = []

    def least(self, alpha: float, beta: float) -> float:
        """After one more iteration."""
        self.alphas.append(alpha)
        a, b = np.array(self.alphas), np.array(self.betas)
        main = 1 / a
        main[1:] += b / a[:-1]
        side = np.sqrt(np.maximum(b, 0)) / a[:-1]
        self.betas.append(beta)
        return float(np.linalg.eigvalsh(np.diag(main) + np.diag(side, 1) + np.diag(side, -1))[0])
