"""Energies of borders, one for each pair of phases, under which labels are likely.

For a Potts model with an energy for each pair: the greatest pseudo-likelihood (Besag, The
Statistician 24, 179 (1975)), the product over pixels of the probability of a label given its eight
neighbours.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from recon.imaging.restoration_sweep import DIAGONAL

NEXT = 1.3
"""Energy of a border of two phases next to each other in grey, to start from."""
APART = 2.2
"""Of two phases with others between: so much that a layer of these costs little."""
PIXELS = 20
"""Energies are held near these starts as by so many pixels: of a pair that hardly meets."""

Energies = NDArray[np.float64]


def guess_borders(phases: int) -> Energies:
    """(K, K) energies of phases in the order of grey under which layers between two stay."""
    apart = np.abs(np.subtract.outer(np.arange(phases), np.arange(phases)))
    return np.asarray(np.choose(np.minimum(apart, 2), [0.0, NEXT, APART]), np.float64)


def estimate_borders(labels: Sequence[NDArray[np.uint8]], start: Energies) -> Energies:
    """(K, K) energies of borders from labels, sought from `start`; up to 12 phases."""
    count = len(start)
    first, second = np.triu_indices(count, 1)
    shares, own, times = _count_neighbourhoods(labels, count)
    # energy of phase k beside neighbours: sum over pairs of W_pair of what k has of them
    beside = np.zeros((len(own), count, len(first)))
    for pair, (a, b) in enumerate(zip(first, second, strict=True)):
        beside[:, a, pair], beside[:, b, pair] = shares[:, b], shares[:, a]
    chosen = np.take_along_axis(beside, own[:, None, None], 1)[:, 0]
    guess = guess_borders(count)[first, second]

    def measure(W: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        energy = beside @ W
        least = energy.min(1, keepdims=True)
        weights = np.exp(least - energy)
        total = weights.sum(1)
        minus_log = chosen @ W - least[:, 0] + np.log(total)
        slope = chosen - np.einsum("nk,nkp->np", weights / total[:, None], beside)
        held = W - guess
        return times @ minus_log + PIXELS / 2 * held @ held, times @ slope + PIXELS * held

    best = minimize(measure, start[first, second], jac=True, method="L-BFGS-B").x
    energies = np.zeros((count, count))
    energies[first, second] = energies[second, first] = best
    return energies


def _count_neighbourhoods(
    labels: Sequence[NDArray[np.uint8]], count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Distinct neighbourhoods: weights of the neighbours by phase, label, how often it occurs."""
    found: dict[int, int] = {}
    for image in labels:
        middle = image[1:-1, 1:-1]
        code = middle.astype(np.int64)
        for k in range(count):
            mine = (image == k).astype(np.int64)
            up, down, left, right = mine[:-2], mine[2:], mine[1:-1, :-2], mine[1:-1, 2:]
            straight = up[:, 1:-1] + down[:, 1:-1] + left + right
            turned = up[:, :-2] + up[:, 2:] + down[:, :-2] + down[:, 2:]
            code = (code * 5 + straight) * 5 + turned
        for value, times in zip(*np.unique(code, return_counts=True), strict=True):
            found[int(value)] = found.get(int(value), 0) + int(times)
    codes = np.array(list(found), np.int64)
    shares = np.empty((len(codes), count))
    for k in reversed(range(count)):
        codes, turned = np.divmod(codes, 5)
        codes, straight = np.divmod(codes, 5)
        shares[:, k] = straight + DIAGONAL * turned
    return shares, codes, np.array(list(found.values()), np.float64)
