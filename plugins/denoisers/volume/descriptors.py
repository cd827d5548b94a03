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

VECTORS = [(d * a, d * b) for d in (1, 2, 4, 8) for a, b in ((0, 1), (1, 0), (1, 1), (1, -1))]
"""Rows and columns between the two points of a product."""
ANGLES = 12
"""Directions of segments, even in a half turn."""
LENGTHS = (4, 8, 16, 32)
"""Voxels in a segment, powers of 2."""


@attrs.frozen(eq=False)
class Descriptor:
    """A descriptor of slices.

    compute   slices (n, C, a, b) -> (channels or phases, vectors or angles, ...)
    mirrored  places along axis 1 of what the mirrored slices would have
    """

    compute: Callable[[Tensor], Tensor]
    mirrored: Sequence[int]

    def measure(self, images: Sequence[NDArray[np.uint8]], phases: int, symmetric: bool) -> Tensor:
        """The mean over images, and over their mirror images if those are as likely."""
        parts = []
        for image in images:
            field = encode(torch.as_tensor(np.array(image)[None]), phases).movedim(0, 1)
            parts.append(image.size * self.compute(field.float()))
        mean = torch.stack(parts).sum(0) / sum(image.size for image in images)
        return (mean + mean[:, list(self.mirrored)]) / 2 if symmetric else mean


def multiply_pairs(slices: Tensor) -> Tensor:
    """Mean products (C, vectors) of values (n, C, a, b) at both ends of each vector."""
    results = [multiply_shifted(slices, vector).mean((0, 2, 3)) for vector in VECTORS]
    return torch.stack(results, 1)


def multiply_segments(slices: Tensor) -> Tensor:
    """Shares (phases, ANGLES, LENGTHS) of straight segments that lie in one phase.

    A segment of 2n voxels is two of n voxels, one behind the other.
    """
    fields = torch.cat([-slices, slices], 1) if slices.shape[1] == 1 else slices
    inside = ((1 + fields) / 2).clamp(0, 1)
    results = []
    for number in range(ANGLES):
        angle = math.pi * min(number, ANGLES - number) / ANGLES
        sign = 1 if 2 * number <= ANGLES else -1  # its mirror image is rounded alike
        shares, whole, length = [], inside, 1
        while length < LENGTHS[-1]:
            step = round(length * math.sin(angle)), sign * round(length * math.cos(angle))
            whole, length = multiply_shifted(whole, step), 2 * length
            if length in LENGTHS:
                shares.append(whole.mean((0, 2, 3)))
        results.append(torch.stack(shares, 1))
    return torch.stack(results, 1)


def multiply_shifted(values: Tensor, vector: tuple[int, int]) -> Tensor:
    """Values times those a vector (rows >= 0, columns) away, where both lie in the slice."""
    down, right = vector
    rows, columns = values.shape[2:]
    first = values[:, :, : rows - down, max(0, -right) : columns - max(0, right)]
    return first * values[:, :, down:, max(0, right) : columns + min(0, right)]


def _mirror(vector: tuple[int, int]) -> int:
    """The place of a vector's mirror image; up to its sign, (0, d) and (d, 0) are their own."""
    rows, columns = vector
    turned = (rows, -columns)
    return VECTORS.index(turned if turned in VECTORS else vector)


PAIRS = Descriptor(multiply_pairs, [_mirror(vector) for vector in VECTORS])
SEGMENTS = Descriptor(multiply_segments, [-number % ANGLES for number in range(ANGLES)])
