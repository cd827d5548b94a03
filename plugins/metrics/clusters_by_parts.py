"""Clusters of a phase in a volume that is labelled part by part."""

from functools import partial

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from recon.core import ChunkedVolume, Volume
from recon.plugins.compiling import kernel
from recon.plugins.structure.clusters import Ends, Reach, layers, touching

COST = 8  # bytes a voxel of a part: labels, mask, index, and some to spare
OF_LAYER = 32  # bytes a voxel of an outer layer of the volume: the first, the last, and copies


class ClustersByParts(Reach):
    """Face-connected clusters of a phase; clusters of neighbouring parts join where they touch.

    sizes  (count + 1,) voxels of each cluster inside the box; 0 for the background
    cost   beside the parts, the six outer layers of the volume and some 50 bytes a cluster of a
           part
    """

    def __init__(self, sample: Volume | ChunkedVolume, phase: int, periodic: bool) -> None:
        outer = sum(int(np.prod(np.delete(sample.shape, axis))) for axis in range(3))
        labelled = partial(_labelled, phase)
        parts = sample.by_parts(labelled, cost=COST, overhead=OF_LAYER * outer)
        first = [np.zeros(np.delete(sample.shape, axis), np.int64) for axis in range(3)]
        last = [layer.copy() for layer in first]
        sizes, pairs, total = [], [np.zeros((0, 2), np.int64)], 0
        for origin, part in parts:
            for axis, (near, far) in enumerate(part.ends):
                start = np.delete(origin, axis)
                here = tuple(slice(s, s + n) for s, n in zip(start, near.shape, strict=True))
                if origin[axis] == 0:
                    first[axis][here] = _after(total, near)
                else:  # the part before it left its last layer
                    pairs.append(touching(last[axis][here], _after(total, near)))
                last[axis][here] = _after(total, far)
            sizes.append(part.sizes)
            total += len(part.sizes)
        count, number = _joined(np.concatenate(pairs), total)
        self.sizes = np.bincount(number, np.concatenate([[0], *sizes])).astype(np.int64)
        ends = [(number[one], number[other]) for one, other in zip(first, last, strict=True)]
        super().__init__(count, ends, periodic)


@attrs.frozen
class Labelled:
    """Clusters 1..n of a part: voxels of each (n,), and the outer layers of the part."""

    sizes: NDArray[np.int64]
    ends: Ends


def _labelled(phase: int, labels: NDArray[np.uint8]) -> Labelled:
    index, count = label(labels == phase)
    return Labelled(count_members(index.reshape(-1), count), layers(index))


@kernel()
def count_members(index: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Voxels of the clusters 1..count (count,): bincount without its copy of 8 bytes a voxel."""
    sizes = np.zeros(count + 1, np.int64)
    for number in index:
        sizes[number] += 1
    return sizes[1:]


def _after(before: int, layer: NDArray[np.int32]) -> NDArray[np.int64]:
    """Numbers of a part's clusters after those of the parts before it; 0 stays background."""
    return np.where(layer > 0, layer + np.int64(before), 0)


def _joined(pairs: NDArray[np.int64], count: int) -> tuple[int, NDArray[np.int64]]:
    """How many clusters there are when pairs of 1..count are one, and the number of each.

    returns  1..n for 0..count; the background 0 is first and keeps its number
    """
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (count + 1,) * 2)
    nodes, number = connected_components(graph, directed=False)
    return nodes - 1, number
