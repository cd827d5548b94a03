"""A sample as the slices of its planes."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import NORMAL, PLANES, in_plane

if TYPE_CHECKING:
    from recon.core import ChunkedVolume, Micrographs, Volume

Counts = TypeVar("Counts")


def over_slices(
    count: Callable[[NDArray[np.uint8], str], Counts],
    sample: "Volume | ChunkedVolume | Micrographs",
    cost: int = 4,
) -> dict[str, list[Counts]]:
    """By plane: what is counted on whole slices of it, of each part of the sample.

    count  count(part, plane) of slices (n, a, b) of one size, contiguous and read-only
    cost   bytes that count and its part take, per voxel of the part
    """
    from recon.core import Micrographs

    if isinstance(sample, Micrographs):
        return {
            plane: [count(fixed(part), plane) for part in stacks(images)]
            for plane, images in sample.planes.items()
        }
    counted_by_plane = {}
    for plane in PLANES:
        parts = sample.by_parts(partial(_on_plane, count, plane), in_plane(plane), cost)
        counted_by_plane[plane] = [counted for _, counted in parts]
    return counted_by_plane


def _on_plane(
    count: Callable[[NDArray[np.uint8], str], Counts], plane: str, part: NDArray[np.uint8]
) -> Counts:
    return count(fixed(np.moveaxis(part, NORMAL[plane], 0)), plane)


def fixed(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Contiguous and read-only, so that a kernel is compiled once for all input."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def pool_parts(parts: Iterable[tuple[NDArray[Any], ...]]) -> tuple[NDArray[Any], ...]:
    """Counts that are the sums of those of several parts."""
    return tuple(np.sum(each, axis=0) for each in zip(*parts, strict=True))


def stacks(images: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Slices of one plane as stacks (n, a, b), one for each size that occurs."""
    sizes = dict.fromkeys(image.shape for image in images)
    return [np.stack([image for image in images if image.shape == size]) for size in sizes]


def voxel_edges(
    sample: "Volume | ChunkedVolume | Micrographs",
) -> tuple[float, float, float]:
    """Edges (z, y, x) of a voxel, the shortest 1."""
    shortest = min(sample.voxel_size)
    z, y, x = (edge / shortest for edge in sample.voxel_size)
    return z, y, x


def pixel_edges(sample: "Volume | ChunkedVolume | Micrographs", plane: str) -> tuple[float, float]:
    """Edges of a pixel of a plane along rows' and columns' index, the shortest of the voxel 1."""
    edges = voxel_edges(sample)
    first, second = in_plane(plane)
    return edges[first], edges[second]


def shortest_side(sample: "Volume | ChunkedVolume | Micrographs") -> int:
    """Pixels along the shortest side of a volume or of any slice."""
    from recon.core import Micrographs

    if isinstance(sample, Micrographs):
        images = (image for stack in sample.planes.values() for image in stack)
        return min(int(min(image.shape)) for image in images)
    return min(sample.shape)
