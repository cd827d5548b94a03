"""Block conjugate gradients: all load cases search in the space that they span together.

O'Leary, Linear Algebra and its Applications 29 (1980) 293. With six cases it needs a third fewer
steps than one case at a time where the contrast is high.
"""

from collections import deque
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

NEGLIGIBLE = 1e-11  # eigenvalue of a direction that the others hold already, relative
LOOK_BACK = 3  # steps whose change of the energy tells how far it is from the end
BALANCED = 1e-15  # residual relative to the load that is rounding errors
ROUNDING = 1e-28  # energy of a direction, relative to the first of its case
Floats = NDArray[np.float64]


class System(Protocol):
    """Fields x, r, p, q = K p and z of all cases on some device, and what is done with them.

    A matrix of small size mixes cases: (p a)_j = sum_i p_i a_ij.
    """

    def norms(self) -> Floats:
        """|r| of every case."""

    def precondition(self) -> None:
        """z = M r."""

    def coupling(self) -> Floats:
        """q . z"""

    def turn(self, b: Floats) -> None:
        """p = z + p b"""

    def multiply(self) -> None:
        """q = K p"""

    def grams(self) -> tuple[Floats, Floats]:
        """p . q and p . r"""

    def step(self, a: Floats) -> Floats:
        """x += p a, r -= q a; |r| of every case."""


@attrs.frozen
class Convergence:
    """How a solution went: steps, and the residual of every case relative to its load.

    A residual that is not finite tells that numbers overflowed.
    """

    iterations: int
    residual: Floats
    reached: bool


def conjugate_gradients(
    system: System, scale: Floats, energy: Floats, tolerance: float, limit: int
) -> Convergence:
    """Advance the system for at most `limit` steps, until in every case |r| is within the tolerance
    and the last steps together have changed the energy by no more than that share.

    |r| is taken relative to the load, and the load as the root of the energy that is left: stiff
    parts that only float in a soft one load it greatly and keep next to none of the energy.

    scale   the norm of each load; a case with scale 0 has nothing to solve
    energy  of each case before any displacement, twice

    The residual alone would not do: forces inside a stiff part balance long before the soft part
    around it has found its shape.
    """
    active = scale > 0
    relative = np.where(active, 1 / np.where(active, scale, 1), 0)
    residual, energy = system.norms() * relative, energy.copy()
    first, floor, least = energy.copy(), ROUNDING**0.5 * energy, np.zeros_like(energy)
    released: deque[Floats] = deque(maxlen=LOOK_BACK)
    inverse = np.zeros((len(scale),) * 2)
    for count in range(limit + 1):
        if not np.isfinite(residual).all():
            return Convergence(count, residual, False)
        left = np.maximum(energy, floor)
        converged = np.sum(released, axis=0) <= tolerance * left
        allowed = tolerance * np.sqrt(left / np.where(active, first, 1))
        near = residual <= np.maximum(allowed, BALANCED)
        if (near & converged | ~active).all():
            return Convergence(count, residual, True)
        if count == limit:
            break
        system.precondition()
        system.turn(-inverse @ system.coupling() if count else inverse)
        system.multiply()
        stored, force = system.grams()
        if not (np.isfinite(stored).all() and np.isfinite(force).all()):
            return Convergence(count, np.full_like(residual, np.nan), False)
        if count == 0:
            least = ROUNDING * np.diag(stored)
        inverse = pseudo_inverse(stored, least)
        advance = inverse @ force
        residual = system.step(advance) * relative
        released.append(np.einsum("ij,ij->j", force, advance))
        energy -= released[-1]
    return Convergence(limit, residual, False)


def pseudo_inverse(energy: Floats, least: Floats | float = 0.0) -> Floats:
    """Inverse of a Gram matrix on the directions that it truly holds.

    least  energy below which a direction is rounding errors
    """
    size = np.sqrt(np.maximum(np.diag(energy), 0))
    size[size**2 <= least] = 0
    scale = np.where(size > 0, 1 / np.where(size > 0, size, 1), 0)
    values, vectors = np.linalg.eigh(np.outer(scale, scale) * (energy + energy.T) / 2)
    keep = values > NEGLIGIBLE * max(values[-1], 0)
    inverse = np.where(keep, 1 / np.where(keep, values, 1), 0)
    inverted: Floats = np.outer(scale, scale) * ((vectors * inverse) @ vectors.T)
    return inverted
