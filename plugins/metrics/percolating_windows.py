"""Windows of a stack of slices in which a phase leads from one side to the opposite."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine


def count_windows(
    stack: NDArray[np.uint8], window: Sequence[int], phases: int, classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Windows of a stack (n, a, b), by the share of each phase in them.

    window   sides; along an axis where it is 1 every place has windows of its own
    returns  windows (phases, classes), those of them in which the phase leads from the first layer
             to the last (phases, 3, classes) along each axis
    """
    windows = np.zeros((phases, classes), np.int64)
    percolating = np.zeros((phases, 3, classes), np.int64)
    begins = [places(side, length) for side, length in zip(stack.shape, window, strict=True)]
    if all(len(begin) for begin in begins):
        voxels = int(np.prod(window))
        _count(
            stack,
            np.array(np.meshgrid(*begins, indexing="ij")).reshape(3, -1).T.copy(),
            (window[0], window[1], window[2]),
            np.zeros(voxels, np.int32),
            np.full(voxels, -1),
            np.zeros(phases, np.int64),
            np.zeros((phases, 3), np.bool_),
            windows,
            percolating,
        )
    return windows, percolating


def places(side: int, length: int) -> NDArray[np.int64]:
    """Where windows begin, at most half a length apart, the same seen from either end."""
    if length > side:
        return np.zeros(0, np.int64)
    room = side - length
    gaps = -(-2 * room // length)
    first = -(-np.arange(gaps // 2 + 1) * room // max(gaps, 1))
    return np.unique(np.concatenate([first, room - first]))


@kernel()
def _count(
    stack: NDArray[np.uint8],
    begins: NDArray[np.int64],
    window: tuple[int, int, int],
    parent: NDArray[np.int32],
    mark: NDArray[np.int64],
    voxels: NDArray[np.int64],
    leads: NDArray[np.bool_],
    windows: NDArray[np.int64],
    percolating: NDArray[np.int64],
) -> None:
    """Add the windows that begin at the places (n, 3) to the two counts.

    parent, mark   room for a number for each voxel of a window, mark -1
    voxels, leads  room (phases,), (phases, 3)
    """
    depth, height, width = window
    phases, classes = windows.shape
    for n in range(len(begins)):
        z, y, x = begins[n]
        box = stack[z : z + depth, y : y + height, x : x + width]
        for phase in range(phases):
            voxels[phase] = 0
            for axis in range(3):
                leads[phase, axis] = False
        _join(box, parent, voxels)
        for axis in range(3):
            _find_leading(box, parent, mark, 3 * n + axis, axis, leads)
        for phase in range(phases):
            share = min(voxels[phase] * classes // parent.size, classes - 1)
            windows[phase, share] += 1
            for axis in range(3):
                if leads[phase, axis]:
                    percolating[phase, axis, share] += 1


@subroutine()
def _find_leading(
    box: NDArray[np.uint8],
    parent: NDArray[np.int32],
    mark: NDArray[np.int64],
    number: int,
    axis: int,
    leads: NDArray[np.bool_],
) -> None:
    """Set the phases that have a root in the first and in the last layer along an axis.

    number  with which roots in the first layer are marked, another one each time
    """
    depth, height, width = box.shape
    sides, strides = (depth, height, width), (height * width, width, 1)
    one, other = (axis + 1) % 3, (axis + 2) % 3
    last = (sides[axis] - 1) * strides[axis]
    for i in range(sides[one]):
        for j in range(sides[other]):
            mark[_root(parent, i * strides[one] + j * strides[other])] = number
    for i in range(sides[one]):
        for j in range(sides[other]):
            p = _root(parent, i * strides[one] + j * strides[other] + last)
            if mark[p] == number:
                phase = box[p // strides[0], p // width % height, p % width]
                leads[phase, axis] = True


@subroutine()
def _join(box: NDArray[np.uint8], parent: NDArray[np.int32], voxels: NDArray[np.int64]) -> None:
    """Number the voxels of a box such that connected ones of one phase lead to one root."""
    depth, height, width = box.shape
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                p = (z * height + y) * width + x
                phase = box[z, y, x]
                voxels[phase] += 1
                parent[p] = p
                if x > 0 and box[z, y, x - 1] == phase:
                    parent[p] = _root(parent, p - 1)
                if y > 0 and box[z, y - 1, x] == phase:
                    _unite(parent, p, p - width)
                if z > 0 and box[z - 1, y, x] == phase:
                    _unite(parent, p, p - height * width)


@subroutine()
def _unite(parent: NDArray[np.int32], one: int, other: int) -> None:
    one, other = _root(parent, one), _root(parent, other)
    parent[max(one, other)] = min(one, other)


@subroutine()
def _root(parent: NDArray[np.int32], p: int) -> int:
    while parent[p] != p:
        parent[p] = parent[parent[p]]
        p = parent[p]
    return p
