"""How far the slices of a stack repeat each other: serial sections are near-copies."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
RELATED = 0.05
"""Correlation of slices below which they count as independent."""


def correlate_slices(stack: Sequence[Image], phases: int, most: int = 64) -> list[float]:
    """Correlation of slices 1, 2, ... places apart, up to the first below RELATED.

    It is the share of pixels of equal phase beyond chance over its largest value: 1 for copies,
    0 for strangers. Slices of different size count as strangers.
    """
    counts = sum(np.bincount(image.ravel(), minlength=phases) for image in stack)
    chance = float(np.square(counts / np.sum(counts)).sum())
    if chance == 1:
        return []
    correlations: list[float] = []
    for step in range(1, min(most, len(stack) - 1) + 1):
        pairs = list(zip(stack, stack[step:], strict=False))
        equal = [np.mean(a == b) if a.shape == b.shape else chance for a, b in pairs]
        correlations.append((float(np.mean(equal)) - chance) / (1 - chance))
        if correlations[-1] < RELATED:
            break
    return correlations


def estimate_independent_share(stack: Sequence[Image], phases: int) -> float:
    """Independent slices of a stack over its slices, in (0, 1]."""
    related = [value for value in correlate_slices(stack, phases) if value >= RELATED]
    return 1 / (1 + 2 * sum((1 - (j + 1) / len(stack)) * rho for j, rho in enumerate(related)))
