"""Descriptors of slices that have gradients: two-point products, lineal path in all directions.

Both are means of products of the field's values, as in reconstruction by differentiable
descriptors (Seibert et al., Comput. Mater. Sci. 188, 110206, 2021).
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
LENGTHS = (4, 8, 16, 32)
"""Pixels of a straight path, powers of 2."""
WINDOW, MOST = 256, 64
"""Side of the windows in which images are described, at most, and how many are enough."""


@attrs.frozen(eq=False)
class Descriptor:
    """A descriptor of slices.

    compute   slices (n, C, rows, columns) -> (channels or phases, kinds, ...)
    mirrored  the places of the kinds in slices that are mirrored along one axis
    """

    compute: Callable[[Tensor], Tensor]
    mirrored: Sequence[int]

    def measure(self, images: Sequence[NDArray[np.uint8]], phases: int, symmetric: bool) -> Tensor:
        """The mean over images, and over their mirror images if those are as likely."""
        windows = [window for image in images for window in _cut(image)]
        chosen = windows[:: -(-len(windows) // MOST)]
        total = torch.zeros(())
        for window in chosen:
            field = encode(torch.as_tensor(np.array(window)[None]), phases).movedim(0, 1)
            total = total + window.size * self.compute(field.float())
        mean = total / sum(window.size for window in chosen)
        return (mean + mean[:, list(self.mirrored)]) / 2 if symmetric else mean


def multiply_pairs(slices: Tensor) -> Tensor:
    """Mean products (C, vectors) of the values at both ends of each vector."""
    results = [_mean(slices * _shift(slices, vector), vector) for vector in VECTORS]
    return torch.stack(results, 1)


def follow_lines(slices: Tensor) -> Tensor:
    """Shares (phases, ANGLES, LENGTHS) of straight paths that lie in one phase."""
    inside = _share_phases(slices)
    results = []
    for number in range(ANGLES):
        lines = _draw_lines(inside, number, LENGTHS[-1])
        shares = [_mean(lines[n], _end(number, n)) for n in LENGTHS]
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


def _mean(products: Tensor, end: Vector) -> Tensor:
    """The mean (C,) over pixels from which the end lies in the slice."""
    rows, columns = (
        slice(max(0, -reach), side - max(0, reach))
        for reach, side in zip(end, products.shape[2:], strict=True)
    )
    return products[:, :, rows, columns].mean((0, 2, 3))


def _mirror(vector: Vector) -> int:
    """The place of a vector's mirror image; up to its sign, (0, d) and (d, 0) are their own."""
    turned = (vector[0], -vector[1])
    return VECTORS.index(turned if turned in VECTORS else vector)


PAIRS = Descriptor(multiply_pairs, [_mirror(vector) for vector in VECTORS])
LINES = Descriptor(follow_lines, [-number % ANGLES for number in range(ANGLES)])
