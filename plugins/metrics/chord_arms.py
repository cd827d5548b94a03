"""Chords through every pixel that may bend in it, of arms along digital lines."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel
from recon.plugins.metrics.digital_lines import digital_lines

BAND = 1 << 16
"""Pixels whose arms are kept at a time."""
UNIT = 1 / 512
"""Of half a step, so that lengths are whole numbers and their sums do not depend on the order."""


def sum_chords(
    stack: NDArray[np.uint8], edges: tuple[float, float], directions: int, phases: int
) -> NDArray[np.int64]:
    """The longest chords of all pixels that bend by at most 15, and by at most 45 degrees.

    stack    (n, a, b) slices;  edges  of a pixel along the rows' and the columns' index
    returns  (2, phases) sums by phase, in half of UNIT
    """
    _, height, width = stack.shape
    offsets, across, steps = digital_lines((height, width), edges, directions)
    # Whether a line of the direction leads towards it, and not away, as the index rises.
    ahead = ~across | (np.arange(directions) * 2 <= directions)
    halves = np.round(steps / UNIT).astype(np.int32)
    rows = max(1, min(height, BAND // width))
    arms = np.empty((2 * directions, rows * width), np.int32)
    straight, bent = np.empty((2, rows * width), np.int32)
    sums = np.zeros((2, phases), np.int64)
    for low in range(0, height, rows):
        band = low, min(low + rows, height)
        for labels in stack:
            for d in range(directions):
                forth, back = (d, d + directions) if ahead[d] else (d + directions, d)
                lines = offsets[d], across[d], halves[d]
                _measure_arms(labels, lines, band, arms[forth], arms[back])
            _sum_longest(labels, band, arms, straight, bent, sums)
    return sums


@kernel()
def _measure_arms(
    labels: NDArray[np.uint8],
    lines: tuple[NDArray[np.int64], bool, int],
    band: tuple[int, int],
    forth: NDArray[np.int32],
    back: NDArray[np.int32],
) -> None:
    """Write the arms of the pixels in a band of rows along one direction, and against it."""
    offsets, across, half = lines
    height, width = labels.shape
    side, other = (width, height) if across else (height, width)
    least, most = min(offsets[0], offsets[side - 1]), max(offsets[0], offsets[side - 1])
    for line in range(-most, other - least):
        begin, phase = 0, -1  # of the run that goes on; -1: none
        for i in range(side + 1):
            here = -1
            if i < side and 0 <= line + offsets[i] < other:
                j = line + offsets[i]
                here = labels[j, i] if across else labels[i, j]
            if here == phase:
                continue
            if phase >= 0:
                for k in range(begin, i):
                    j = line + offsets[k]
                    row, column = (j, k) if across else (k, j)
                    if band[0] <= row < band[1]:
                        p = (row - band[0]) * width + column
                        forth[p] = (2 * (i - k) - 1) * half
                        back[p] = (2 * (k - begin) + 1) * half
            begin, phase = i, here


@kernel()
def _sum_longest(
    labels: NDArray[np.uint8],
    band: tuple[int, int],
    arms: NDArray[np.int32],
    straight: NDArray[np.int32],
    bent: NDArray[np.int32],
    sums: NDArray[np.int64],
) -> None:
    """Add the longest chords of the pixels in a band of rows."""
    width = labels.shape[1]
    pixels = (band[1] - band[0]) * width
    turn = len(arms)
    for p in range(pixels):
        bent[p] = 0
    for bend in range(turn // 8 + 1):
        for d in range(turn):
            other = (d + turn // 2 + bend) % turn
            for p in range(pixels):
                bent[p] = max(bent[p], arms[d, p] + arms[other, p])
        if bend == turn // 24:
            for p in range(pixels):
                straight[p] = bent[p]
    for p in range(pixels):
        phase = labels[band[0] + p // width, p % width]
        sums[0, phase] += straight[p]
        sums[1, phase] += bent[p]
