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
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    variance: float,
    borders: NDArray[np.float64],
    draws: NDArray[np.float64],
) -> int:
    """Give every pair of neighbours labels by their energy; how many pixels changed.

    means     grey value of each phase
    pull      the blur applied to what the blurred labels leave of the image; kept up to date
    rows      (A, 2 R + 1) the blur applied twice to a point of each row;  columns  likewise
    variance  of the noise;  borders  (K, K) energy of a border between two pixels
    draws     (2, A, B) uniform numbers, by which labels are drawn (a Gibbs sampler), or empty:
              those of the least energy

    Single pixels would not do: a rim goes when its two sides change together.
    """
    A, B = labels.shape
    R, changed, count = rows.shape[1] // 2, 0, len(means)
    p, q, energies = np.empty(count), np.empty(count), np.empty((count, count))
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
                own = rows[i, R] * columns[j, R], rows[y, R] * columns[x, R]
                both = own[0], own[1], rows[i, R + 1 - t] * columns[j, R + t]
                pulls = pull[i, j], pull[y, x]
                _weigh(one, two, means, p, q, pulls, both, variance, borders, energies)
                chosen = _draw(energies, draws[t, i, j]) if draws.size else _least(energies)
                new_one, new_two = chosen // count, chosen % count
                if new_one != one:
                    _change(labels, pull, rows, columns, i, j, new_one, means)
                    changed += 1
                if new_two != two:
                    _change(labels, pull, rows, columns, y, x, new_two, means)
                    changed += 1
    return changed


@njit(nogil=True)
def _weigh(
    one: int,
    two: int,
    means: Any,
    p: Any,
    q: Any,
    pulls: Any,
    both: Any,
    variance: float,
    borders: Any,
    energies: Any,
) -> None:
    """Energy of each two labels of a pair, whose other neighbours are p and q."""
    count = len(means)
    for k in range(count):
        d = means[k] - means[one]
        first = (both[0] * d - 2 * pulls[0]) * d / (2 * variance)
        for n in range(count):
            first += borders[k, n] * p[n]
        for m in range(count):
            e = means[m] - means[two]
            second = (both[1] * e - 2 * pulls[1] + 2 * both[2] * d) * e / (2 * variance)
            energies[k, m] = first + second + borders[k, m]
    for m in range(count):
        beside = 0.0
        for n in range(count):
            beside += borders[m, n] * q[n]
        for k in range(count):
            energies[k, m] += beside
    energies[one, two] -= 1e-9  # of equals the one that is


@njit(nogil=True)
def _draw(energies: Any, uniform: float) -> int:
    """A place with probability exp(-energy); the energies are overwritten."""
    count, place, total = len(energies), _least(energies), 0.0
    least = energies[place // count, place % count]
    for k in range(count):
        for m in range(count):
            energies[k, m] = np.exp(least - energies[k, m])
            total += energies[k, m]
    rest, place = uniform * total - energies[0, 0], 0
    while rest > 0 and place < count * count - 1:
        place += 1
        rest -= energies[place // count, place % count]
    return place


@njit(nogil=True)
def _least(energies: Any) -> int:
    """The place of the least energy, the first of several."""
    count, place = len(energies), 0
    for k in range(count):
        for m in range(count):
            if energies[k, m] < energies[place // count, place % count]:
                place = k * count + m
    return place


@njit(nogil=True)
def _count(labels: Any, i: int, j: int, counts: Any) -> None:
    """Weights of the eight neighbours of each phase; outside the image is as the pixel itself."""
    A, B = labels.shape
    for k in range(len(counts)):
        counts[k] = 0
    for a in range(-1, 2):
        for b in range(-1, 2):
            if a == 0 and b == 0:
                continue
            y, x = i + a, j + b
            inside = 0 <= y < A and 0 <= x < B
            label = labels[y, x] if inside else labels[i, j]
            counts[label] += 1.0 if a * b == 0 else DIAGONAL


@njit(nogil=True)
def _change(
    labels: Any, pull: Any, rows: Any, columns: Any, i: int, j: int, label: int, means: Any
) -> None:
    A, B = labels.shape
    R = rows.shape[1] // 2
    step = means[label] - means[labels[i, j]]
    labels[i, j] = label
    for y in range(max(0, i - R), min(A, i + R + 1)):
        share = step * rows[i, y - i + R]
        for x in range(max(0, j - R), min(B, j + R + 1)):
            pull[y, x] -= share * columns[j, x - j + R]
