"""Orientation of the interface about every pixel of slices, in a few classes."""

from math import pi

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

GRADIENT_SCALE = 1.0
WINDOW = 2.5
"""Standard deviations, in pixels, of the Gaussians of the derivative and of the average."""
BINS = 8
"""Classes of angles in half a turn."""
COHERENT = 0.5
"""Coherence from which an interface has an orientation: 0 is isotropic, 1 a straight edge."""
FLAT = 1e-4
"""Mean squared gradient below which there is no interface nearby."""
CLASSES = BINS + 2
"""Class 0: no interface; 1: no orientation; from 2 on: the angles."""


def classify_orientation(slices: NDArray[np.uint8], phases: int) -> NDArray[np.uint8]:
    """Class of every pixel of slices (n, a, b) of labels, by the 2D structure tensor.

    The tensor is summed over the phases (Bigun & Granlund, ICCV 1987). The window is wider than a
    pattern, so the class does not depend on the few pixels that a pattern holds.
    """
    aa, bb, ab = (np.zeros(slices.shape, np.float32) for _ in range(3))
    for phase in range(1 if phases == 2 else 0, phases):
        mask = (slices == phase).astype(np.float32)
        a, b = (_smooth(mask, GRADIENT_SCALE, order) for order in ((1, 0), (0, 1)))
        aa, bb, ab = aa + a * a, bb + b * b, ab + a * b
    aa, bb, ab = (_smooth(part, WINDOW) for part in (aa, bb, ab))
    coherent = np.hypot(aa - bb, 2 * ab) > COHERENT * (aa + bb)
    angle = np.arctan2(2 * ab, bb - aa) / (2 * pi) % 1
    classes = np.where(coherent, 2 + np.round(angle * BINS).astype(np.uint8) % BINS, 1)
    return np.where(aa + bb < FLAT, 0, classes).astype(np.uint8)


def _smooth(
    slices: NDArray[np.float32], scale: float, order: tuple[int, int] = (0, 0)
) -> NDArray[np.float32]:
    """Gaussian filter, or its derivative, of each of some slices."""
    smoothed: NDArray[np.float32] = ndimage.gaussian_filter(
        slices, scale, order=order, mode="nearest", axes=(1, 2)
    )
    return smoothed
