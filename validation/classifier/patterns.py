"""What the classifier sees of a window: shares of small configurations of its pixels.

Runs: n pixels in a row along eight digital directions lie in one phase, which straight and bent
edges have unlike. Pairs: both ends of such a row do. Squares: each of the configurations of the
four corners of a square. Neighbours: how many of the nine pixels around a pixel are in its phase.
Contacts: a pixel and one a few pixels further are of two given phases. Borders do not matter: a
share is of the configurations that fit.

Squares and neighbours at several scales are local binary patterns: Ojala, Pietikäinen & Mäenpää,
IEEE Trans. PAMI 24, 971 (2002). Runs are the lineal-path function by direction.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))
REACH = 24  # pixels along an axis that a run spans at most
SCALES = (1, 2, 4)  # pixels between the corners of squares, and from a pixel to its neighbours

Stack = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Shares = NDArray[np.float64]


def measure_patterns(windows: Stack, phases: int) -> Shares:
    """Shares (n, features) of the patterns of windows (n, a, b) of labels.

    Windows of one size have the same features in the same order. Of two phases those that the
    other has as well are left out.
    cost  some 200 passes over the pixels for two phases, 500 for three
    """
    columns: list[Shares] = []
    for phase in range(phases):
        mask = windows == phase
        complement = phases == 2 and phase == 0
        columns += _measure_runs(mask, with_pairs=not complement)
        if not complement:
            columns += _measure_squares(mask)
            columns += _measure_neighbours(mask)
    if phases > 2:
        columns += _measure_contacts(windows, phases)
    return np.stack(columns, 1)


def _measure_runs(mask: Mask, with_pairs: bool) -> Iterator[Shares]:
    """Runs of 2, 4, 8 and 16 pixels, and the pairs at their ends."""
    height, width = mask.shape[1:]
    for down, right in DIRECTIONS:
        run, pixels = mask, 1
        while True:
            span = 2 * pixels - 1
            fits = span * down <= height - 3 and span * abs(right) <= width - 3
            if not fits or span * max(down, abs(right)) > REACH:
                break
            one, other = _shift(run, pixels * down, pixels * right)
            run, pixels = one & other, 2 * pixels
            yield _average(run)
            if with_pairs and pixels > 2:
                one, other = _shift(mask, span * down, span * right)
                yield _average(one & other)


def _measure_squares(mask: Mask) -> Iterator[Shares]:
    corner = mask.astype(np.uint8)
    for s in SCALES:
        if s < min(mask.shape[1:]):
            code = corner[:, :-s, :-s] + 2 * corner[:, :-s, s:]
            code += 4 * corner[:, s:, :-s] + 8 * corner[:, s:, s:]
            yield from (_average(code == one) for one in range(1, 16))


def _measure_neighbours(mask: Mask) -> Iterator[Shares]:
    """How many of nine, by the phase of the middle; all and none are runs already."""
    inside = mask.astype(np.uint8)
    height, width = mask.shape[1:]
    for s in SCALES:
        a, b = height - 2 * s, width - 2 * s
        if min(a, b) < 3:
            continue
        places = [(y, x) for y in (0, s, 2 * s) for x in (0, s, 2 * s)]
        count = np.zeros((len(mask), a, b), np.uint8)
        for y, x in places:
            count += inside[:, y : y + a, x : x + b]
        code = count + 10 * inside[:, s : s + a, s : s + b]
        yield from (_average(code == one) for one in (*range(1, 9), *range(12, 19)))


def _measure_contacts(windows: Stack, phases: int) -> Iterator[Shares]:
    for down, right in DIRECTIONS[:4]:
        for step in SCALES:
            one, other = _shift(windows, step * down, step * right)
            for i in range(phases):
                for j in range(i + 1, phases):
                    yield _average(((one == i) & (other == j)) | ((one == j) & (other == i)))


def _shift(windows: NDArray[np.generic], down: int, right: int) -> tuple[Mask, Mask]:
    """Pixels p and p + (down, right), where both lie in the window."""
    height, width = windows.shape[1:]
    one = windows[:, : height - down, max(0, -right) : width - max(0, right)]
    other = windows[:, down:, max(0, right) : width + min(0, right)]
    return one, other  # type: ignore[return-value]


def _average(mask: Mask) -> Shares:
    shares: Shares = mask.mean((1, 2))
    return shares
