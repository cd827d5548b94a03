"""Blocks of a volume that are far enough apart to know nothing of each other.

A volume is cut across the axis along which its material forgets soonest: fibres across, lamellae
from one to the next. One correlation length between blocks is left out.
"""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import NORMAL, in_plane
from recon.core.data.serial import RELATED

Image = NDArray[np.uint8]

BLOCKS = 4
NARROWEST = 8  # voxels of a block
WIDEST_GAP = 8  # voxels
LOOKED_AT = 4  # images of a plane that correlation lengths are taken from


@attrs.frozen
class Cut:
    """How a volume is cut into blocks.

    axis   0 = z, 1 = y, 2 = x;  count  of the blocks;  gap  voxels between them
    """

    axis: int
    count: int
    gap: int

    def split_windows(self, windows: Image, plane: str) -> list[Image]:
        """Parts (n, a, b) of the windows of a plane, one a block; the windows where none is cut."""
        if NORMAL[plane] == self.axis:
            return [windows]
        along = 1 + in_plane(plane).index(self.axis)
        places = self.split_range(windows.shape[along], self.count)
        side = min(map(len, places))
        return [np.take(windows, place[:side], axis=along) for place in places]

    def split_range(self, length: int, count: int) -> list[NDArray[np.int64]]:
        """Numbers of the slices of each block among so many; the gap is taken off their ends."""
        blocks = np.array_split(np.arange(length), count)
        return [*(block[: max(1, len(block) - self.gap)] for block in blocks[:-1]), blocks[-1]]


def choose_cut(
    planes: Mapping[str, Sequence[Image]], phases: int, shape: tuple[int, int, int]
) -> Cut | str:
    """The cut of a volume of this shape, or why there is none."""
    lengths = find_correlation_lengths(planes, phases)
    axis = int(np.argmin([length / side for length, side in zip(lengths, shape, strict=True)]))
    gap = min(int(lengths[axis]), WIDEST_GAP)
    for count in range(BLOCKS, 1, -1):
        if shape[axis] // count - gap >= NARROWEST:
            return Cut(axis, count, gap)
    return (
        f"no classifier test: two blocks of {NARROWEST} voxels, {gap} apart, do not fit into "
        f"{shape[axis]} voxels"
    )


def find_correlation_lengths(
    planes: Mapping[str, Sequence[Image]], phases: int
) -> tuple[float, float, float]:
    """Voxels along (z, y, x) at which pixels are no more alike than by chance, mean over planes."""
    seen: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for plane, stack in planes.items():
        some = stack[:: -(-len(stack) // LOOKED_AT)]
        for row, axis in enumerate(in_plane(plane)):
            seen[axis] += [_find_length(np.moveaxis(image, row, 0), phases) for image in some]
    every = [length for lengths in seen.values() for length in lengths]
    z, y, x = (float(np.mean(seen[axis] or every)) for axis in range(3))
    return z, y, x


def _find_length(image: Image, phases: int) -> float:
    """Along the rows' index."""
    shares = np.bincount(image.ravel(), minlength=phases) / image.size
    chance = float(np.square(shares).sum())
    for lag in range(1, len(image)):
        equal = float(np.mean(image[:-lag] == image[lag:]))
        if equal - chance < RELATED * (1 - chance):
            return lag
    return len(image)
