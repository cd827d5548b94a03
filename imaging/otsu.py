"""Thresholds of the greatest variance between classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError

BINS = 256
TAIL = 2e-4
"""Share of the pixels of an image at either end that do not widen the histogram: hot pixels."""


def find_otsu_thresholds(images: Sequence[NDArray[Any]], classes: int) -> NDArray[np.float64]:
    """Thresholds (classes - 1,) of the greatest variance between classes, over all images.

    A value below the first threshold is in class 0. Exact on a histogram of 256 bins, which for
    integers in a range of at most 256 are the values themselves. O(classes 256^2 + pixels): the
    thresholds of skimage.filters.threshold_multiotsu, whose cost grows as 256^(classes - 1).

    Otsu, IEEE Trans. Syst. Man Cybern. 9, 62 (1979), by dynamic programming.
    """
    counts, edges = count_values(images)
    weight = np.append(0, counts.cumsum())
    moment = np.append(0, (counts * np.arange(BINS)).cumsum())
    W = weight[None] - weight[:, None]  # pixels in the bins i..j-1
    M = moment[None] - moment[:, None]
    score = np.where(W > 0, M**2 / np.maximum(W, 1), -np.inf)
    best, cuts = score[0], []
    for _ in range(classes - 1):
        total = best[:, None] + score
        cuts.append(total.argmax(0))
        best = total.max(0)
    if not np.isfinite(best[-1]):
        raise ReconError(
            f"grey values fall into fewer than {classes} groups; give a smaller phases="
        )
    chosen = [BINS]
    for cut in reversed(cuts):
        chosen.append(int(cut[chosen[-1]]))
    return edges[chosen[:0:-1]]


def count_values(images: Sequence[NDArray[Any]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pixels of all images in 256 equal bins (256,), and the edges of these (257,).

    Values beyond the bins, which are few, count in the first and the last.
    """
    low = float(min(image.min() for image in images))
    high = float(max(image.max() for image in images))
    if high - low == np.inf:
        raise ReconError(f"grey values must span less than 1e308, got {low:g}..{high:g}")
    if all(image.dtype.kind in "iu" for image in images) and high - low < BINS:
        low, high = low - 0.5, low + BINS - 0.5
    else:
        inner = [np.quantile(image, (TAIL, 1 - TAIL), method="nearest") for image in images]
        inner_low, inner_high = float(np.min(inner)), float(np.max(inner))
        low, high = (inner_low, inner_high) if inner_low < inner_high else (low, high)
    counts = np.sum(
        [np.histogram(np.clip(image, low, high), BINS, (low, high))[0] for image in images], axis=0
    )
    return counts, np.linspace(low, high, BINS + 1)
