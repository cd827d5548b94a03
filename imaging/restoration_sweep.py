"""One pass of the labels of `restoration` over an image, compiled."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

DIAGONAL = 0.7071
"""Weight of a neighbour across a corner beside 1 of one across an edge."""


@njit(cache=True, nogil=True)
def sweep(
    labels: NDArray[np.uint8],
    means: NDArray[np.float64],
    pull: NDArray[np.float64],
    overlap: NDArray[np.float64],
    variance: float,
    weight: float,
) -> int:
    """Give every pair of neighbours the labels of the least energy; how many pixels changed.

    means     grey value of each phase
    pull      the blur applied to what the blurred labels leave of the image; kept up to date
    overlap   (2 R + 1, 2 R + 1) the blur applied twice to a single pixel
    variance  of the noise;  weight  of a border between two pixels

    Single pixels would not do: a rim goes when its two sides change together.
    """
    A, B = labels.shape
    R, changed = overlap.shape[0] // 2, 0
    p, q = np.empty(len(means)), np.empty(len(means))
    full = 4 + 4 * DIAGONAL
    for i in range(A):
        for j in range(B):
            for t in range(2):
                y, x = i + 1 - t, j + t
                if y >= A or x >= B:
                    continue
                one, two = labels[i, j], labels[y, x]
                _count(labels, i, j, p)
                _count(labels, y, x, q)
                if p[one] > full - 1e-3 and q[two] > full - 1e-3:
                    continue  # inside of a phase
                p[two] -= 1
                q[one] -= 1
                energies = (pull[i, j], pull[y, x], overlap[R, R], overlap[R + 1, R])
                new_one, new_two = _choose(one, two, means, p, q, energies, variance, weight)
                if new_one != one:
                    _change(labels, pull, overlap, i, j, new_one, means)
                    changed += 1
                if new_two != two:
                    _change(labels, pull, overlap, y, x, new_two, means)
                    changed += 1
    return changed


@njit(cache=True, nogil=True)
def _choose(
    one: int, two: int, means: Any, p: Any, q: Any, energies: Any, variance: float, weight: float
) -> tuple[int, int]:
    """The labels of least energy of a pair, whose other neighbours are p and q."""
    first, second, own, common = energies
    before = weight * (p[one] + q[two] + (one == two))
    least, new_one, new_two = -1e-9, one, two
    for k in range(len(means)):
        d = means[k] - means[one]
        for m in range(len(means)):
            e = means[m] - means[two]
            data = own * (d * d + e * e) + 2 * d * e * common - 2 * (d * first + e * second)
            energy = data / (2 * variance) + before - weight * (p[k] + q[m] + (k == m))
            if energy < least:
                least, new_one, new_two = energy, k, m
    return new_one, new_two


@njit(cache=True, nogil=True)
def _count(labels: Any, i: int, j: int, counts: Any) -> None:
    """Weights of the eight neighbours of each phase; outside the image is as the pixel itself."""
    A, B = labels.shape
    counts[:] = 0
    for a in range(-1, 2):
        for b in range(-1, 2):
            if a == 0 and b == 0:
                continue
            y, x = i + a, j + b
            inside = 0 <= y < A and 0 <= x < B
            label = labels[y, x] if inside else labels[i, j]
            counts[label] += 1.0 if a * b == 0 else DIAGONAL


@njit(cache=True, nogil=True)
def _change(labels: Any, pull: Any, overlap: Any, i: int, j: int, label: int, means: Any) -> None:
    A, B = labels.shape
    R = overlap.shape[0] // 2
    step = means[label] - means[labels[i, j]]
    labels[i, j] = label
    for y in range(max(0, i - R), min(A, i + R + 1)):
        for x in range(max(0, j - R), min(B, j + R + 1)):
            pull[y, x] -= step * overlap[y - i + R, x - j + R]
