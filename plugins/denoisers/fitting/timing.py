"""How long a call takes now."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

CALLS = 5


def time_calls(work: Callable[[], Any]) -> float:
    """Median seconds of a few calls after the first two, which prepare much."""
    work()
    work()
    times = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return float(np.median(times))
