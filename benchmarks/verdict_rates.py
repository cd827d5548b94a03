"""Rates of benchmarks/verdict.py: false alarms with exact intervals, and their cross-validation."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy.stats import binomtest

from recon.validation.comparison.verdict import ALPHA

Rows = Sequence[Mapping[str, float]]
"""Of real subvolumes: how near each comes to the limits, `times` (above 1: a false alarm)."""


def bound(false: int, real: int, worth: float) -> str:
    """False alarms, and the exact 95 % interval of their rate."""
    count = max(1, round(min(worth, real)))
    low, high = binomtest(round(false / real * count), count).proportion_ci(method="exact")
    rate = f"{false / real:.1%}, 95 % interval {low:.1%} to {high:.1%}"
    return f"{false} of {real} (worth {count}): {rate}"


def find_widening(rows: Rows) -> float:
    """The smallest factor to all limits, in steps of .01, with false alarms at most nominal."""
    times = np.array([row["times"] for row in rows])
    allowed = int(ALPHA * len(times))
    return float(np.ceil(100 * np.sort(times)[len(times) - 1 - allowed]) / 100)


def cross_validate(real: Mapping[str, Rows]) -> list[tuple[tuple[str, ...], float, int, int]]:
    """Limits widened by what one half of the materials needs, on the other half.

    returns  by every half: the materials that were fitted, the factor to today's limits that they
             need, false alarms on the others with it, and how many subvolumes these have
    """
    rows = []
    for fitted in combinations(real, len(real) // 2):
        factor = find_widening([row for name in fitted for row in real[name]])
        others = [row["times"] for name in real if name not in fitted for row in real[name]]
        rows.append((fitted, factor, sum(t > factor for t in others), len(others)))
    return rows
