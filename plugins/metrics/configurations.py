"""How often each arrangement of a phase occurs in 2 x 2 pixels or 2 x 2 x 2 voxels."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel


def count_configurations(stack: NDArray[np.uint8], depth: int, phases: int) -> NDArray[np.int64]:
    """Counts (phases, 2 ** (4 depth)) over all places inside a stack (n, a, b).

    depth  1: pixels of one slice; 2: voxels of two
    Bit i of an arrangement is set where corner i is of the phase; corner i is i & 1 along b,
    i >> 1 & 1 along a, i >> 2 along n.
    """
    _, height, width = stack.shape
    corners = np.indices((depth, 2, 2)).reshape(3, -1)
    offsets = (corners[0] * height + corners[1]) * width + corners[2]
    counts = np.zeros((phases, 1 << offsets.size), np.int64)
    places = (len(stack) - depth + 1, height - 1, width - 1)
    if min(places) > 0:
        _count(stack.reshape(-1), places, (height * width, width), offsets, counts)
        counts[:, 0] = np.prod(places) - counts.sum(1)
    return counts


@kernel()
def _count(
    labels: NDArray[np.uint8],
    places: tuple[int, int, int],
    strides: tuple[int, int],
    offsets: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Count the arrangements that hold a phase."""
    corners = len(offsets)
    for z in range(places[0]):
        for y in range(places[1]):
            begin = z * strides[0] + y * strides[1]
            for p in range(begin, begin + places[2]):
                seen = 0  # corners whose phase is counted
                for i in range(corners):
                    if seen >> i & 1:
                        continue
                    phase, bits = labels[p + offsets[i]], 0
                    for j in range(i, corners):
                        if labels[p + offsets[j]] == phase:
                            bits |= 1 << j
                    counts[phase, bits] += 1
                    seen |= bits
