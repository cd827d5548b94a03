"""Descriptors of slices that have gradients: two-point products, and paths within one phase.

All are means of products of the field's values, as in reconstruction by differentiable
descriptors (Seibert et al., Comput. Mater. Sci. 188, 110206, 2021). Paths are straight, which is
the lineal path along all directions, or bent by 45 degrees.
"""

import math
from collections.abc import Callable, Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.encoding import encode

Vector = tuple[int, int]
"""Rows and columns."""
VECTORS = [(d * a, d * b) for d in (1, 2, 4, 8) for a, b in ((0, 1), (1, 0), (1, 1), (1, -1))]
"""Between the two points of a product."""
ANGLES = 12
"""Directions of straight paths, even in a half turn; from the columns to the rows."""
BEND = 3
"""Of these angles, by which a bent path turns."""
LENGTHS = (4, 8, 16, 32)
"""Pixels of a straight path, powers of 2."""
ARMS = (4, 8, 16)
"""Pixels from the bend to both ends of a bent path."""
WINDOW, MOST = 256, 64
"""Side of the windows in which images are described, at most, and how many are enough."""


@attrs.frozen(eq=False)
class Descriptor:
    """A descriptor of slices.

    compute  slices (n, C, rows, columns) -> (channels or phases, kinds, ...)
    turned   the places of the kinds in slices that are mirrored in rows, in columns, and in both
    """

    compute: Callable[[Tensor], Tensor]
    turned: tuple[Sequence[int], Sequence[int], Sequence[int]]

    def measure(self, images: Sequence[NDArray[np.uint8]], phases: int, symmetric: bool) -> Tensor:
        """The mean over images, and over their mirror images if those are as likely."""
        windows = [window for image in images for window in _cut(image)]
        chosen = windows[:: -(-len(windows) // MOST)]
        total = torch.zeros(())
        for window in chosen:
            field = encode(torch.as_tensor(np.array(window)[None]), phases).movedim(0, 1)
            total = total + window.size * self.compute(field.float())
        mean = total / sum(window.size for window in chosen)
        if not symmetric:
            return mean
        return torch.stack([mean, *(mean[:, list(places)] for places in self.turned)]).mean(0)


def multiply_pairs(slices: Tensor) -> Tensor:
    """Mean products (C, vectors) of the values at both ends of each vector."""
    results = [_mean(slices * _shift(slices, vector), [vector]) for vector in VECTORS]
    return torch.stack(results, 1)


def follow_lines(slices: Tensor) -> Tensor:
    """Shares (phases, ANGLES, LENGTHS) of straight paths that lie in one phase."""
    inside = _share_phases(slices)
    results = []
    for number in range(ANGLES):
        lines = _draw_lines(inside, number, LENGTHS[-1])
        shares = [_mean(lines[n], [_end(number, n)]) for n in LENGTHS]
        results.append(torch.stack(shares, 1))
    return torch.stack(results, 1)


def follow_bends(slices: Tensor) -> Tensor:
    """Shares (phases, 2 ANGLES, ARMS) of bent paths that lie in one phase.

    Of two arms from one pixel, the second is half a turn less BEND further than the first, which
    goes round all directions.
    """
    inside = _share_phases(slices)
    lines = [_draw_lines(inside, number, ARMS[-1]) for number in range(ANGLES)]

    def reach(direction: int, length: int) -> tuple[Tensor, Vector]:
        """The arms of all pixels, and their ends."""
        number, backwards = direction % ANGLES, direction % (2 * ANGLES) >= ANGLES
        rows, columns = _end(number, length)
        if not backwards:
            return lines[number][length], (rows, columns)
        return _shift(lines[number][length], (-rows, -columns)), (-rows, -columns)

    results = []
    for direction in range(2 * ANGLES):
        shares = []
        for length in ARMS:
            first, end = reach(direction, length)
            second, other = reach(direction + ANGLES - BEND, length)
            shares.append(_mean(first * second, [end, other]))
        results.append(torch.stack(shares, 1))
    return torch.stack(results, 1)


def _cut(image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Windows side by side that cover an image."""
    rows, columns = (-(-side // WINDOW) for side in image.shape)
    parts = np.array_split(image, rows, 0)
    return [window for part in parts for window in np.array_split(part, columns, 1)]


def _share_phases(slices: Tensor) -> Tensor:
    """The share (n, phases, rows, columns) of each phase, from 0 to 1."""
    fields = torch.cat([-slices, slices], 1) if slices.shape[1] == 1 else slices
    return ((1 + fields) / 2).clamp(0, 1)


def _draw_lines(inside: Tensor, number: int, longest: int) -> dict[int, Tensor]:
    """By length, products along the straight path that begins at each pixel.

    A path of 2n pixels is two of n pixels, one behind the other.
    """
    lines, length = {1: inside}, 1
    while length < longest:
        lines[2 * length] = lines[length] * _shift(lines[length], _step(number, length))
        length *= 2
    return lines


def _step(number: int, length: int) -> Vector:
    """So many pixels along a direction; that of its mirror image is rounded alike."""
    angle = math.pi * min(number, ANGLES - number) / ANGLES
    sign = 1 if 2 * number <= ANGLES else -1
    return round(length * math.sin(angle)), sign * round(length * math.cos(angle))


def _end(number: int, length: int) -> Vector:
    """The last pixel of a straight path, from its first."""
    steps = [_step(number, 2**n) for n in range(length.bit_length() - 1)]
    return sum(rows for rows, _ in steps), sum(columns for _, columns in steps)


def _shift(values: Tensor, vector: Vector) -> Tensor:
    """At each pixel the value a vector away; what lies outside comes from the other side."""
    return torch.roll(values, (-vector[0], -vector[1]), (2, 3))


def _mean(products: Tensor, ends: Sequence[Vector]) -> Tensor:
    """The mean (C,) over pixels from which all ends lie in the slice."""
    parts = []
    for axis in (0, 1):
        reached = [0, *(end[axis] for end in ends)]
        parts.append(slice(-min(reached), products.shape[2 + axis] - max(reached)))
    return products[:, :, parts[0], parts[1]].mean((0, 2, 3))


def _mirror(vector: Vector) -> int:
    """The place of a vector's mirror image; up to its sign, (0, d) and (d, 0) are their own."""
    turned = (vector[0], -vector[1])
    return VECTORS.index(turned if turned in VECTORS else vector)


PAIRS = Descriptor(multiply_pairs, ([_mirror(v) for v in VECTORS],) * 2 + (range(len(VECTORS)),))
LINES = Descriptor(follow_lines, ([-n % ANGLES for n in range(ANGLES)],) * 2 + (range(ANGLES),))
BENDS = Descriptor(
    follow_bends,
    (
        [(BEND - ANGLES - n) % (2 * ANGLES) for n in range(2 * ANGLES)],
        [(BEND - n) % (2 * ANGLES) for n in range(2 * ANGLES)],
        [(ANGLES + n) % (2 * ANGLES) for n in range(2 * ANGLES)],
    ),
)
