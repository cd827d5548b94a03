"""Boxes of subvolumes: where they lie in a reference volume, and how far they overlap."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recon.core.data.volume import Volume

Shape = tuple[int, int, int]
Box = tuple[slice, slice, slice]


def choose_boxes(reference: Volume, shape: Shape, least: int) -> list[Box]:
    """Boxes of the sample's size, or as large as fit; none where nothing would be left."""
    z, y, x = (min(side, want) for side, want in zip(reference.shape, shape, strict=True))
    return [] if (z, y, x) == reference.shape else place_boxes(reference.shape, (z, y, x), least)


def place_boxes(whole: Shape, size: Shape, least: int) -> list[Box]:
    """At least so many boxes at regular places, or all that there are.

    One more is fitted along the axis where neighbours then overlap least, until there are enough.
    """
    free = [side - crop for side, crop in zip(whole, size, strict=True)]
    count = [1, 1, 1]
    while np.prod(count) < least and any(n <= f for n, f in zip(count, free, strict=True)):
        spacing = [
            f / (n * crop) if n <= f else -1.0 for f, n, crop in zip(free, count, size, strict=True)
        ]
        count[int(np.argmax(spacing))] += 1
    starts = [np.linspace(0, f, n).round().astype(int) for f, n in zip(free, count, strict=True)]
    return [
        (slice(z, z + size[0]), slice(y, y + size[1]), slice(x, x + size[2]))
        for z, y, x in itertools.product(*(axis.tolist() for axis in starts))
    ]


def count_disjoint(whole: Sequence[int], size: Sequence[int]) -> int:
    """How many boxes of a size fit side by side."""
    return int(np.prod([side // crop for side, crop in zip(whole, size, strict=True)]))


def measure_overlaps(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """Share (box, box) of one box that lies in the other; boxes of one size."""
    ends = np.array([[(s.start, s.stop) for s in box] for box in boxes])
    low = np.maximum(ends[:, None, :, 0], ends[None, :, :, 0])
    high = np.minimum(ends[:, None, :, 1], ends[None, :, :, 1])
    shared = np.clip(high - low, 0, None).prod(2)
    rho: NDArray[np.float64] = shared / np.prod(ends[0, :, 1] - ends[0, :, 0])
    return rho


def count_independent(boxes: Sequence[Box]) -> float:
    """How many independent subvolumes have a mean that scatters as that of these boxes does."""
    return float(1 / measure_overlaps(boxes).mean())


def compute_overlap_factors(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """How much further a new subvolume is from the mean of all than each is from the others.

    Of what adds up over voxels, two subvolumes share the variance of their overlap: rho, the
    share of one that lies in the other. A new one and the mean of all differ by 1 + mean of rho
    over pairs; one and the mean of the others by 1 + mean of rho over their pairs - 2 mean of rho
    with them.
    """
    rho = measure_overlaps(boxes)
    n = len(boxes)
    shared = rho.sum(1) - 1
    new = 1 + rho.mean()
    others = (rho.sum() - 2 * shared - 1) / (n - 1) ** 2
    factors: NDArray[np.float64] = np.sqrt(new / (1 + others - 2 * shared / (n - 1)))
    return factors
