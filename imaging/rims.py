"""Rims: thin layers of a phase between two others, which blur makes of their common border."""

from collections.abc import Iterable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, generate_binary_structure

REACH = 3
"""Pixels across which a rim parts two phases."""
COMMON = 0.01
"""Share of the pixels that must lie so near the other phase for a rim to matter."""
PARTED = 0.1
"""Share of these that touch it, below which rims part the two."""


def find_rims(images: Iterable[NDArray[np.uint8]], phases: int) -> list[tuple[int, int]]:
    """Pairs of phases, not next to each other in grey, that lie near but hardly touch."""
    stacks = list(images)
    pairs = [pair for pair in combinations(range(phases), 2) if pair[1] - pair[0] > 1]
    rims = []
    for a, b in pairs:
        near = touching = total = 0
        for labels in stacks:
            dark, bright = labels == a, labels == b
            wide = binary_dilation(bright, np.ones((3, 3), bool), iterations=REACH)
            near += int((dark & wide).sum())
            touching += int((dark & binary_dilation(bright, generate_binary_structure(2, 1))).sum())
            total += labels.size
        if near > COMMON * total and touching < PARTED * near:
            rims.append((a, b))
    return rims


def describe_rims(pairs: list[tuple[int, int]], remedy: str) -> list[str]:
    """A line for each pair, and what is done or can be done."""
    return [
        f"phases {a} and {b} lie side by side but hardly touch: rims of phase "
        f"{' and '.join(map(str, range(a + 1, b)))} part them, as blur makes them; {remedy}"
        for a, b in pairs
    ]
