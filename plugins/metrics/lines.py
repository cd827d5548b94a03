"""Counts along the lines of a stack of slices, 64 voxels to a word.

A phase is packed across the lines: bit i of a word belongs to the i-th of 64 neighbouring lines.
One AND then compares 64 pairs of voxels, and one popcount counts them. Integers throughout.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import attrs
import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from recon.plugins.compiling import count_threads, kernel

WORD = 64
TILE = 1 << 16  # words of one tile: 512 KiB, in reach of the second-level cache
FEW = 1 << 19  # voxels that are counted before a second thread has started

LineKernel = Callable[[NDArray[np.uint64], int, int, bool, int], NDArray[np.int64]]


def count_along(
    kernel: LineKernel,
    stack: NDArray[np.uint8],
    axis: int,
    phases: int,
    lags: int,
    periodic: bool,
) -> NDArray[np.int64]:
    """Counts (phases, lags) of what the kernel finds on all lines of a stack along an axis.

    kernel   kernel(words, length, step, periodic, lags) -> (lags,) counts; a line is `length`
             words at distance `step`, lines of one tile lie side by side or after each other
    stack    (n, a, b) labels
    threads  numba.get_num_threads(); the result does not depend on them
    """
    if axis == 1 and len(stack) < WORD:  # too few slices to fill words: pack across columns
        stack, axis = stack.swapaxes(1, 2), 2
    voxels = np.ascontiguousarray(stack).reshape(-1).view()
    voxels.flags.writeable = False  # one compiled signature for all input
    jobs = [(phase, tile) for tile in tiles(stack.shape, axis) for phase in range(phases)]
    count = partial(_count_tile, kernel, voxels, periodic, lags)
    counts = np.zeros((phases, lags), np.int64)
    threads = min(count_threads(), len(jobs)) if voxels.size > FEW else 1
    # Python threads and kernels without the GIL: unlike numba's own, safe to call from threads.
    with ThreadPoolExecutor(threads) as pool:
        counted = pool.map(count, jobs) if threads > 1 else map(count, jobs)
        for (phase, _), hits in zip(jobs, counted, strict=True):
            counts[phase] += hits
    return counts


@attrs.frozen
class Tile:
    """A part of a stack that is packed at once, as offsets into its flat voxels.

    Word (row, j) has the voxels start + row * row_stride + j + bit * bit_stride, bit < bits.
    Lines run along the rows' index when `across`, else along j.
    """

    start: int
    bits: int
    bit_stride: int
    rows: int
    row_stride: int
    width: int
    across: bool


def tiles(shape: tuple[int, ...], axis: int) -> Iterator[Tile]:
    """Tiles that cover a C-contiguous stack of this shape for lines along an axis.

    Bits run over the slices for lines along axis 1, else over axis 1.
    """
    n, a, b = shape
    across = axis != 2
    (depth, bit_stride), (rows, row_stride) = ((a, b), (n, a * b))
    if axis == 1:
        (depth, bit_stride), (rows, row_stride) = ((n, a * b), (a, b))
    width = min(b, max(WORD, TILE // rows)) if across else b
    height = rows if across else max(1, TILE // b)
    for layer in range(0, depth, WORD):
        for row in range(0, rows, height):
            for column in range(0, b, width):
                yield Tile(
                    layer * bit_stride + row * row_stride + column,
                    min(WORD, depth - layer),
                    bit_stride,
                    min(height, rows - row),
                    row_stride,
                    min(width, b - column),
                    across,
                )


def _count_tile(
    kernel: LineKernel,
    voxels: NDArray[np.uint8],
    periodic: bool,
    lags: int,
    job: tuple[int, Tile],
) -> NDArray[np.int64]:
    phase, tile = job
    length, step = (tile.rows, tile.width) if tile.across else (tile.width, 1)
    words = np.zeros(tile.rows * tile.width, np.uint64)
    pack(
        words,
        voxels,
        phase,
        tile.start,
        tile.bits,
        tile.bit_stride,
        tile.rows,
        tile.row_stride,
        tile.width,
    )
    return kernel(words, length, step, periodic, lags)


@kernel()
def pack(
    words: NDArray[np.uint64],
    voxels: NDArray[np.uint8],
    phase: int,
    start: int,
    bits: int,
    bit_stride: int,
    rows: int,
    row_stride: int,
    width: int,
) -> None:
    """Set the bits of words (rows * width,) of a tile, zeros, where the voxel is of the phase."""
    for row in range(rows):
        out = words[row * width : (row + 1) * width]
        for bit in range(bits):
            first = start + row * row_stride + bit * bit_stride
            line = voxels[first : first + width]
            mask = np.uint64(1) << np.uint64(bit)
            for j in range(width):
                out[j] |= mask if line[j] == phase else np.uint64(0)


def _popcount(typing_context: Any, word: Any) -> Any:
    """Number of set bits of an unsigned 64-bit word, as the processor's own instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


popcount: Any = intrinsic(_popcount)
