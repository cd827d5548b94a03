"""Runs of pixels along digital lines that share a slope and cover a slice, each pixel once.

Line k of slope m has the pixel floor(m (i - (n - 1) / 2) + d) + k at place i of the axis along
which it runs, the one of which it passes every pixel; n is the side along it, d = 1/2 where n is
odd and else 0. Measured from the middle so, a slice that is mirrored or turned by a right angle
has the mirrored lines.
"""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine

DIGITS = 12  # of slopes and steps, so that those of mirrored directions are equal numbers
Lines = tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]
Tally = tuple[NDArray[np.int64], ...]
SHARES = 720720  # in which a pixel is dealt to its directions: a multiple of all numbers up to 16


def slopes(
    edges: tuple[float, float], directions: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Directions 0, 180 / directions, ... degrees from the columns' to the rows' index.

    edges    of a pixel along the rows' and the columns' index
    returns  (directions,) each: whether the line runs along the columns' index; its slope in
             pixels; length of a step
    """
    angles = np.pi * np.arange(directions) / directions
    down, right = np.sin(angles) / edges[0], np.cos(angles) / edges[1]
    across = np.abs(right) >= np.abs(down) * (1 - 10.0**-DIGITS)
    slope = np.round(np.where(across, down, right) / np.where(across, right, down), DIGITS)
    along, aside = (np.where(across, edges[i], edges[1 - i]) for i in (1, 0))
    steps = np.asarray(np.hypot(along, slope * aside), float)
    return across, slope, np.round(steps, DIGITS)


def digital_lines(shape: tuple[int, ...], edges: tuple[float, float], directions: int) -> Lines:
    """Lines of all directions on slices (a, b).

    returns  offsets (directions, max(a, b)) by the place along the line; whether the line runs
             along the columns' index (directions,); length of a step (directions,)
    """
    across, slope, steps = slopes(edges, directions)
    offsets = np.zeros((directions, max(shape)), np.int64)
    for i in range(directions):
        side = shape[1 if across[i] else 0]
        places = np.arange(side) - (side - 1) / 2
        offsets[i, :side] = np.floor(slope[i] * places + (side % 2) / 2)
    return offsets, across, steps


def tally_chords(stack: NDArray[np.uint8], lines: Lines, phases: int, longest: int) -> Tally:
    """Pixels of each phase and their longest chords, over slices (n, a, b).

    returns  pixels (phases,); pixels by rounded length (phases, longest + 1); pixels of the chords,
             summed over those that they pass, by direction (phases, directions); pixels by
             direction in SHARES of one, those with several longest chords in equal parts. Whole
             numbers: their sums over parts of a sample do not depend on the parts
    """
    _, height, width = stack.shape
    tally = (
        np.zeros(phases, np.int64),
        np.zeros((phases, longest + 1), np.int64),
        np.zeros((phases, len(lines[0])), np.int64),
        np.zeros((phases, len(lines[0])), np.int64),
    )
    buffers = np.zeros(height * width), np.zeros(height * width, np.uint64)
    _tally_slices(stack.reshape(len(stack), -1), width, *lines, *buffers, *tally)
    return tally


@kernel()
def _tally_slices(
    stack: NDArray[np.uint8],
    width: int,
    offsets: NDArray[np.int64],
    across: NDArray[np.bool_],
    steps: NDArray[np.float64],
    best: NDArray[np.float64],
    which: NDArray[np.uint64],
    pixels: NDArray[np.int64],
    histogram: NDArray[np.int64],
    runs: NDArray[np.int64],
    directions: NDArray[np.int64],
) -> None:
    """Add to the four counts what slices (n, a * b) have.

    best   (a * b,) zeros, to hold the longest chord of each pixel of a slice
    which  (a * b,) bit d: direction d has it
    """
    height = stack.shape[1] // width
    for labels in stack:
        for d in range(len(steps)):
            side, other = (width, height) if across[d] else (height, width)
            stride, other_stride = (1, width) if across[d] else (width, 1)
            lines = (side, stride, other, other_stride)
            _raise_to_runs(labels, lines, offsets[d], steps[d], d, best, which)
        for p in range(labels.size):
            phase, length = labels[p], int(best[p] + 0.5)
            pixels[phase] += 1
            if length < histogram.shape[1]:
                histogram[phase, length] += 1
            first = _share(directions[phase], which[p])
            runs[phase, first] += int(best[p] / steps[first] + 0.5)
            best[p] = 0


@subroutine()
def _raise_to_runs(
    labels: NDArray[np.uint8],
    lines: tuple[int, int, int, int],
    offsets: NDArray[np.int64],
    step: float,
    direction: int,
    best: NDArray[np.float64],
    which: NDArray[np.uint64],
) -> None:
    """Raise the pixels of a slice to the chords of one direction.

    lines  pixels and stride of the axis along which lines run, then of the other axis
    """
    side, stride, other, other_stride = lines
    low, high = min(offsets[0], offsets[side - 1]), max(offsets[0], offsets[side - 1])
    bit = np.uint64(1) << np.uint64(direction)
    for line in range(-high, other - low):
        begin, phase = 0, -1  # of the run that goes on; -1: none
        for i in range(side + 1):
            here = -1
            if i < side and 0 <= line + offsets[i] < other:
                here = labels[i * stride + (line + offsets[i]) * other_stride]
            if here == phase:
                continue
            if phase >= 0:
                length = (i - begin) * step
                for k in range(begin, i):
                    p = k * stride + (line + offsets[k]) * other_stride
                    if length > best[p]:
                        best[p], which[p] = length, bit
                    elif length == best[p]:
                        which[p] |= bit
            begin, phase = i, here


@subroutine()
def _share(directions: NDArray[np.int64], which: np.uint64) -> int:
    """Count a pixel in the directions of its longest chords; the first of them."""
    ties, first = 0, -1
    for d in range(len(directions)):
        if which >> np.uint64(d) & np.uint64(1):
            ties += 1
            first = d if first < 0 else first
    for d in range(first, len(directions)):
        if which >> np.uint64(d) & np.uint64(1):
            directions[d] += SHARES // ties
    return first
