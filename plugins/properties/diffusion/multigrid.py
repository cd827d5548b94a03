"""Symmetric V-cycle on the grids of a hierarchy, the same for every backend.

Smoothing before and after the coarse correction is one Chebyshev polynomial of degree 3 in the
matrix scaled by its diagonal; it damps the upper part of the spectrum (0, 2].
"""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.diffusion.hierarchy import Level, matrix

DEGREE = 3
DAMPED = (0.2, 2.0)
NOTHING = 1e-14
"""Eigenvalues of the coarsest matrix, relative to the largest, that are rounding errors."""


def weights(degree: int = DEGREE, interval: tuple[float, float] = DAMPED) -> list[float]:
    """Step lengths 1 / root of the Chebyshev polynomial on an interval."""
    low, high = interval
    roots = np.cos(np.pi * (2 * np.arange(degree) + 1) / (2 * degree))
    return [float(1 / ((low + high) / 2 - (high - low) / 2 * root)) for root in roots]


def inverse(level: Level) -> NDArray[np.float64]:
    """Pseudo-inverse of the coarsest matrix: clusters without fixed ends have free constants.

    Scaled to a diagonal of ones and summed in double precision, so that these are distinguished
    from clusters that hang on by far poorer conductors.
    """
    dense = matrix(level)
    diagonal = np.diag(dense)
    root = np.sqrt(np.where(diagonal > 0, diagonal, 1))
    scaled = np.linalg.pinv(dense / np.outer(root, root), rcond=NOTHING, hermitian=True)
    return np.asarray(scaled / np.outer(root, root), np.float64)
