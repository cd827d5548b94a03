"""The largest rectangle in a mask, compiled."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def find_largest_rectangle(mask: NDArray[np.bool_], least: int) -> tuple[int, int, int, int]:
    """Top, bottom, left and right, ends excluded, of the largest rectangle of true pixels.

    least   pixels that each side must have;  all 0 where there is none
    cost    O(pixels): of every row the largest rectangle under the heights of what is true above
    """
    A, B = mask.shape
    heights = np.zeros(B + 1, np.int64)
    stack = np.zeros(B + 1, np.int64)
    best, rectangle = 0, (0, 0, 0, 0)
    for i in range(A):
        count = 0
        for j in range(B + 1):
            if j < B:
                heights[j] = heights[j] + 1 if mask[i, j] else 0
            while count and heights[stack[count - 1]] >= heights[j]:
                count -= 1
                height = heights[stack[count]]
                left = stack[count - 1] + 1 if count else 0
                if height >= least and j - left >= least and height * (j - left) > best:
                    best, rectangle = height * (j - left), (i + 1 - height, i + 1, left, j)
            stack[count] = j
            count += 1
    return rectangle
