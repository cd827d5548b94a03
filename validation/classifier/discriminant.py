"""Linear discriminant of two sets of windows, scored on windows that it was not made from.

Fisher's discriminant with a shrunk covariance; blocks of both sides are left out in turn, so that
the area under the ROC curve is that on unseen places. Its normal equivalent, d' = sqrt(2)
Phi^-1(area), is the distance of two normal populations of unit deviation (Green & Swets, 1966).
"""

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Values = NDArray[np.float64]

SHRINKAGE = 0.1
"""Share of the mean variance that is added to every direction of the features."""
NOISE = 1e-4
"""Least deviation of a share that counts: fewer pixels than that are chance."""


@attrs.frozen(eq=False)
class Whitening:
    """Features in which windows of the material have unit covariance, as far as they show it.

    What the phase fractions of a window explain of its patterns is taken away first: they are
    compared by themselves, and vary most from place to place.
    """

    fractions: Values
    deviation: Values
    turn: Values

    @classmethod
    def of(cls, patterns: Values, fractions: Values) -> "Whitening":
        """From the windows (n, features) of a material and their fractions (n, phases)."""
        coefficients = np.linalg.lstsq(_expand(fractions), patterns, rcond=None)[0]
        rest = patterns - _expand(fractions) @ coefficients
        deviation: Values = rest.std(0) + NOISE
        scaled = rest / deviation
        variances, turn = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        spread = np.sqrt(np.maximum(variances, 0) + SHRINKAGE * variances.mean())
        return cls(np.asarray(coefficients, float), deviation, turn / spread)

    def whiten(self, patterns: Values, fractions: Values) -> Values:
        """Features (n, features) of any windows."""
        rest = patterns - _expand(fractions) @ self.fractions
        whitened: Values = rest / self.deviation @ self.turn
        return whitened


def _expand(fractions: Values) -> Values:
    """1, fractions and their squares; the last phase is what the others leave."""
    free = fractions[..., :-1]
    return np.concatenate([np.ones((*free.shape[:-1], 1)), free, free**2], -1)


def score_blocks(
    own: Sequence[Values], real: Sequence[Values]
) -> tuple[list[Values], list[Values]]:
    """Scores of the windows of each block, the higher the more `own`.

    own, real  as many blocks (n, features), whitened; block k of both is scored by the
               discriminant of the others
    """
    of_own = [sum(block.sum(0) for block in side) for side in (own, real)]
    counts = [sum(map(len, side)) for side in (own, real)]
    scores: tuple[list[Values], list[Values]] = ([], [])
    for blocks in zip(own, real, strict=True):
        means = [
            (total - block.sum(0)) / (count - len(block))
            for total, block, count in zip(of_own, blocks, counts, strict=True)
        ]
        for own_scores, block in zip(scores, blocks, strict=True):
            own_scores.append(block @ (means[0] - means[1]))
    return scores


def compute_area(own: Sequence[Values], real: Sequence[Values]) -> float:
    """Area under the ROC curve: chance that a window of `own` scores higher; mean over blocks."""
    return float(np.mean([_rank(a, b) for a, b in zip(own, real, strict=True)]))


def _rank(own: Values, real: Values) -> float:
    """Mann & Whitney's U over the number of pairs."""
    ascending = np.sort(real)
    lower, not_higher = (np.searchsorted(ascending, own, side) for side in ("left", "right"))
    return float((lower + not_higher).mean() / 2 / len(real))


def compute_distance(area: NDArray[np.float64] | float, pairs: float) -> Values:
    """d' of an area, negative below one half; no more than half a pair in the wrong order gives."""
    least = 0.5 / max(pairs, 1)
    bounded = np.clip(area, least, 1 - least)
    distance: Values = np.sqrt(2) * ndtri(bounded)
    return distance
