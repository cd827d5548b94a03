"""Symmetric V-cycle on the grids of a hierarchy, the same for every backend.

Smoothing before and after the coarse correction is one Chebyshev polynomial of degree 3 in the
matrix scaled by its diagonal; it damps the upper part of the spectrum (0, 2].
"""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.diffusion.hierarchy import Level, matrix

DEGREE = 3
DAMPED = (0.2, 2.0)


def weights(degree: int = DEGREE, interval: tuple[float, float] = DAMPED) -> list[float]:
    """Step lengths 1 / root of the Chebyshev polynomial on an interval."""
    low, high = interval
    roots = np.cos(np.pi * (2 * np.arange(degree) + 1) / (2 * degree))
    return [float(1 / ((low + high) / 2 - (high - low) / 2 * root)) for root in roots]


def inverse(level: Level) -> NDArray[np.float64]:
    """Pseudo-inverse of the coarsest matrix: clusters without fixed ends have free constants."""
    return np.asarray(np.linalg.pinv(matrix(level), rcond=1e-6, hermitian=True), np.float64)
