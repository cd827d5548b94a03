"""How far real subvolumes go: the distribution that a verdict is taken from.

Some statistics scatter more than others: the error of a phase fraction is the distance of one
number, and 2.5 times its mean is nothing rare, while that of a whole curve hardly exceeds 1.5. So
every ratio is first divided by what is usual for it, mean + 2 deviations of the real subvolumes,
and what is left is an excess that is alike for all. The largest excess of all cells is the test.
"""

from collections.abc import Sequence
from functools import partial

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import brentq

from recon.validation.comparison.cells import Block

DRAWS = 500
DEVIATIONS = 2.0


@attrs.frozen(eq=False)
class Null:
    """What real subvolumes do, of some blocks.

    limits  of each block, the ratio (cell,) that real subvolumes exceed in any cell of any block
            with chance alpha; never below 1
    chance  that real subvolumes reach the largest excess that was found
    """

    limits: tuple[NDArray[np.float64], ...]
    chance: float


@attrs.frozen
class Fitted:
    """Root of the largest excess of the next subvolume: Student's t about the centre."""

    centre: float
    width: float
    freedom: float

    def below(self, root: float) -> float:
        """Chance that it stays below."""
        return float(special.stdtr(self.freedom, (root - self.centre) / self.width))


def calibrate(blocks: Sequence[Block], samples: int, alpha: float) -> Null:
    """The limits of a test of level alpha over all blocks, and the chance of what was found.

    Of one block: the root of the subvolumes' largest excess is taken for normal, as that of the
    distance of a normal number nearly is, and Student's t gives what a further one does. Of
    several the largest of all is asked for, and blocks are taken for independent: the chance that
    all stay below is the product. Blocks of one material that rise and fall together stay below
    together more often than that, so that the limit errs on the side of fewer false alarms.
    """
    usual = [_find_usual(block.subvolumes, samples) * block.allowed for block in blocks]
    fits = [_fit(block, samples) for block in blocks]

    def all_below(root: float) -> float:
        return float(np.prod([fit.below(root) for fit in fits]))

    high = max(fit.centre for fit in fits)
    low = high - 50 * max(fit.width for fit in fits)
    step = max(fit.width for fit in fits)
    while all_below(high) < 1 - alpha:
        high, step = high + step, 2 * step
    root = max(float(brentq(lambda x: all_below(x) - (1 - alpha), low, high)), 0.0)
    limits = [u * (root if b.signed else root**2) for b, u in zip(blocks, usual, strict=True)]
    # What is no further off than real subvolumes are on average does not count.
    beyond = [np.where(b.ratios > 1, b.ratios / u, 0) for b, u in zip(blocks, usual, strict=True)]
    largest = max(float(_take_roots(e, b.signed)) for b, e in zip(blocks, beyond, strict=True))
    chance = 1 - all_below(largest) if np.isfinite(largest) else 0.0
    return Null(tuple(np.maximum(one, 1.0) for one in limits), chance)


def bound_spread(samples: int, worth: float, alpha: float = 0.05) -> tuple[float, float]:
    """Within what the ratio of two deviations of equal populations lies, by the F-distribution."""
    ends = special.fdtri(samples - 1, max(worth - 1, 1), [alpha / 2, 1 - alpha / 2])
    low, high = np.sqrt(ends)
    return float(low), float(high)


def _find_usual(subvolumes: NDArray[np.float64], samples: int = 1) -> NDArray[np.float64]:
    """Mean + 2 deviations (cell,) of the mean of so many of the subvolumes; at least 1.

    A mean below 1 is that of errors that are too small to matter (see cells.RESOLVED).
    """
    usual = subvolumes.mean(0) + DEVIATIONS * subvolumes.std(0, ddof=1) / np.sqrt(samples)
    clamped: NDArray[np.float64] = np.maximum(usual, 1.0)
    return clamped


def _fit(block: Block, samples: int) -> Fitted:
    """Of several samples the ratios are those of their mean error: so many subvolumes are drawn.

    What is usual for a subvolume is taken from the others, as it is for a sample.
    """
    n, worth = len(block.subvolumes), max(block.worth, 2.0)
    others = [_find_usual(np.delete(block.subvolumes, i, 0)) for i in range(n)]
    alone = _take_roots(block.subvolumes / np.stack(others), block.signed)
    deviation = max(float(alone.std(ddof=1)), 1e-3)
    if samples == 1:
        return Fitted(float(alone.mean()), deviation * np.sqrt(1 + 1 / worth), worth - 1)
    draw = partial(np.random.default_rng(0).integers, 0, n, (DRAWS, samples))
    usual = _find_usual(block.subvolumes, samples)
    means = _take_roots(block.subvolumes[draw()].mean(1) / usual, block.signed)
    width = np.hypot(float(means.std(ddof=1)), deviation / np.sqrt(worth))
    return Fitted(float(means.mean()), float(width), worth - 1)


def _take_roots(excess: NDArray[np.float64], signed: bool) -> NDArray[np.float64]:
    """Root of the largest excess (..., cell) -> (...); what is signed is normal as it is."""
    largest: NDArray[np.float64] = excess.max(-1)
    return largest if signed else np.sqrt(largest)
