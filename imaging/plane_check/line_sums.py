"""Counts along the lines of slices, kept by the cell of the slice that they fall in.

The statistics of a plane are ratios of these counts; how much one group of cells differs from
another tells their sampling error.
"""

from collections.abc import Callable, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Counts = NDArray[np.float64]
CELLS = 8
"""Cells along each side of a slice, and so the shortest side of one that can be counted."""


@attrs.frozen(eq=False)
class LineSums:
    """Counts of the slices of one plane; the leading dims are (slices, cells, cells) or merged.

    pixels  (...)              inside  (..., K): pixels of each phase
    tries   (..., 2, J)        pairs (p, p + r) that fit, along rows (index 0: down the first axis)
                               and columns; r = 1, 2, 4, ... 2^(J - 1); a pair counts in the cell
                               of its middle
    hits    (..., 2, J, K)     of them, both pixels in the phase
    ends    (..., 2, J, K)     pixels in the phase at the ends of the pairs, halved
    runs    (..., 2, J, K)     runs of 2 r pixels wholly in the phase, among `starts`
    starts  (..., 2, J)        runs of 2 r pixels that fit
    """

    pixels: Counts
    inside: Counts
    tries: Counts
    hits: Counts
    ends: Counts
    starts: Counts
    runs: Counts

    @classmethod
    def of(cls, stack: Sequence[Image], phases: int, lags: int) -> "LineSums":
        """Count pairs and runs; cost: one pass over the pixels for each phase, axis and lag."""
        counts = [_count_slice(image, phases, lags) for image in stack]
        return cls(*(np.stack(part) for part in zip(*counts, strict=True)))

    def map(self, change: Callable[[Counts], Counts]) -> "LineSums":
        """The same counts after a change of their leading dims."""
        return LineSums(*(change(part) for part in attrs.astuple(self, recurse=False)))

    def subtract(self, others: "LineSums") -> "LineSums":
        """What is left without others."""
        mine, theirs = (attrs.astuple(each, recurse=False) for each in (self, others))
        return LineSums(*(one - other for one, other in zip(mine, theirs, strict=True)))


def _count_slice(image: Image, phases: int, lags: int) -> list[Counts]:
    ones = np.ones(image.shape, bool)
    pixels = _sum_by_cell(ones, (0, 0))
    tries, starts = np.zeros((2, CELLS, CELLS, 2, lags))
    inside = np.zeros((CELLS, CELLS, phases))
    hits, ends, runs = np.zeros((3, CELLS, CELLS, 2, lags, phases))
    for axis in (0, 1):
        tries[..., axis, :], starts[..., axis, :], *_ = _count_along(ones, axis, lags)
    for phase in range(phases):
        mask = image == phase
        inside[..., phase] = _sum_by_cell(mask, (0, 0))
        for axis in (0, 1):
            counts = _count_along(mask, axis, lags)
            for whole, part in zip((hits, runs, ends), counts, strict=True):
                whole[..., axis, :, phase] = part
    return [pixels, inside, tries, hits, ends, starts, runs]


def _count_along(mask: NDArray[np.bool_], axis: int, lags: int) -> tuple[Counts, Counts, Counts]:
    """Pairs with both ends in the mask, runs of twice the lag, and half the ends of all pairs."""
    hits, runs, ends = np.zeros((3, CELLS, CELLS, lags))
    run = mask
    for j in range(lags):
        r = 2**j
        side = mask.shape[axis]
        if side < 2 * r:
            break
        first, last = _cut(mask, axis, 0, side - r), _cut(mask, axis, r, side)
        middle = tuple(r // 2 if axis == n else 0 for n in (0, 1))
        hits[..., j] = _sum_by_cell(first & last, middle, mask.shape)
        ends[..., j] = (
            _sum_by_cell(first, middle, mask.shape) + _sum_by_cell(last, middle, mask.shape)
        ) / 2
        length = run.shape[axis]
        run = _cut(run, axis, 0, length - r) & _cut(run, axis, r, length)
        runs[..., j] = _sum_by_cell(
            run, tuple(r - 1 if axis == n else 0 for n in (0, 1)), mask.shape
        )
    return hits, runs, ends


def _cut(mask: NDArray[np.bool_], axis: int, begin: int, end: int) -> NDArray[np.bool_]:
    return mask[begin:end] if axis == 0 else mask[:, begin:end]


def _sum_by_cell(
    mask: NDArray[np.bool_], offset: tuple[int, ...], shape: tuple[int, ...] | None = None
) -> Counts:
    """Sum (CELLS, CELLS) of a mask that stands at an offset in a slice of a shape."""
    whole = mask
    if shape is not None and mask.shape != shape:
        whole = np.zeros(shape, bool)
        here = tuple(slice(at, at + side) for at, side in zip(offset, mask.shape, strict=True))
        whole[here] = mask
    edges = [np.arange(CELLS) * side // CELLS for side in whole.shape]
    rows = np.add.reduceat(whole, edges[1], axis=1, dtype=np.int32)
    return np.add.reduceat(rows, edges[0], axis=0).astype(float)
