"""Pages of a TIFF that show another page once more, smaller, without being marked as such."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.9
"""Correlation of a page with the reduced other one from which on it shows the same."""
LEAST = 8
"""Pixels of a side: of fewer a correlation tells nothing."""

Images = Sequence[NDArray[Any]]


def leave_out_thumbnails(images: Images, path: Path) -> tuple[NDArray[Any], ...]:
    """The images without those that are a larger one of them reduced; warns of them."""
    kept, smaller = [], []
    for image in images:
        larger = [other for other in images if _may_be_reduced(image, other)]
        if any(_correlate(image, other) > ALIKE for other in larger):
            smaller.append(image)
        else:
            kept.append(image)
    if smaller:
        sizes = ", ".join(dict.fromkeys(f"{len(i)} x {i.shape[1]}" for i in smaller))
        warnings.warn(
            f"{path.name}: {len(smaller)} of its {len(images)} pages are smaller copies ({sizes}) "
            "of others and left out",
            stacklevel=2,
        )
    return tuple(kept)


def _may_be_reduced(image: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether both sides are shorter in the same ratio, but for rounding to whole pixels."""
    (a, b), (c, d) = image.shape, other.shape
    return bool(a < c and b < d and min(a, b) >= LEAST and abs(a * d - b * c) <= max(c, d))


def _correlate(image: NDArray[Any], other: NDArray[Any]) -> float:
    """Correlation of an image with another one reduced to its size, by means or by samples."""
    places = [np.arange(n) * m // n for n, m in zip(image.shape, other.shape, strict=True)]
    half = [m // (2 * n) for n, m in zip(image.shape, other.shape, strict=True)]
    means = _average(_average(other.astype(np.float64), len(image)).T, image.shape[1]).T
    samples = [other[np.ix_(places[0] + k * half[0], places[1] + k * half[1])] for k in (0, 1)]
    small = image.astype(np.float64).ravel()
    return max(
        _correlation(small, reduced.astype(np.float64).ravel()) for reduced in (means, *samples)
    )


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread else 0.0


def _average(rows: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """So many rows, each the mean of its share of the rows."""
    sums = np.vstack([np.zeros((1, rows.shape[1])), rows.cumsum(0)])
    ends = np.linspace(0, len(rows), count + 1)
    low = np.minimum(ends.astype(int), len(rows) - 1)
    at = sums[low] + (ends - low)[:, None] * rows[low]
    return np.asarray(np.diff(at, axis=0) * count / len(rows))
