"""Face-connected clusters of voxels: which join through a periodic border, span or wind around."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

Vector = tuple[int, int, int]
Ends = Sequence[tuple[NDArray[Any], NDArray[Any]]]


class Reach:
    """How far the clusters 1..count of a box lead, which its first and last layers tell.

    ends     for each axis the numbers of the clusters in the first layer and in the last
    whole    (count + 1,) number of the cluster that it is part of, 1..wholes; 0 is background.
             Differs where clusters join through a periodic border
    winding  (count, 3) whether the periodic continuation of a cluster goes on along each axis;
             None when not periodic
    """

    def __init__(self, count: int, ends: Ends, periodic: bool) -> None:
        self.count, self.ends = count, ends
        self.whole, self.wholes = np.arange(self.count + 1, dtype=np.int32), int(self.count)
        self.winding = self._join() if periodic else None

    def carrying(self, axis: int) -> NDArray[np.bool_]:
        """Which clusters (0 = background, 1..count) lead from end to end along an array axis.

        That is from the first layer to the last; periodic: on and on.
        """
        alive = np.zeros(self.count + 1, bool)
        if self.winding is not None:
            alive[1:] = self.winding[:, axis]
            return alive
        first, last = self.ends[axis]
        alive[np.intersect1d(first, last)] = True
        alive[0] = False
        return alive

    def _join(self) -> NDArray[np.bool_]:
        """Number the clusters that join through the border; find the winding of each.

        The clusters are the nodes of a graph, the faces of the box between them its edges, each
        with the period it crosses. A way around a loop of edges that sums to v takes a voxel to
        its image v periods away.
        """
        edges: list[list[tuple[int, Vector]]] = [[] for _ in range(self.count)]
        for axis, a, b in self._across():
            step = (int(axis == 0), int(axis == 1), int(axis == 2))
            edges[a].append((b, step))
            edges[b].append((a, (-step[0], -step[1], -step[2])))
        winding = np.zeros((self.count, 3), bool)
        offset: dict[int, Vector] = {}
        self.wholes = 0
        for root in range(self.count):
            if root not in offset:
                members, winds = _walk(root, edges, offset)
                winding[members] = winds
                self.wholes += 1
                self.whole[np.add(members, 1)] = self.wholes
        return winding

    def _across(self) -> Iterator[tuple[int, int, int]]:
        for axis, (first, last) in enumerate(self.ends):
            for a, b in touching(last, first).tolist():
                yield axis, a - 1, b - 1


class Clusters(Reach):
    """Face-connected clusters of a mask (z, y, x); cost O(voxels), 4 bytes a voxel.

    index  (z, y, x) number of the cluster inside the box, 1..count; 0 is background
    """

    def __init__(self, mask: NDArray[np.bool_], periodic: bool) -> None:
        self.index: NDArray[np.int32]
        self.index, count = label(mask)
        super().__init__(count, layers(self.index), periodic)

    def sizes(self) -> NDArray[np.int64]:
        """Voxels of each cluster inside the box (count + 1,); of the background first."""
        return np.bincount(self.index.ravel(), minlength=self.count + 1)


def layers(index: NDArray[np.int32]) -> Ends:
    """The first and the last layer along each axis, copied."""
    return [(np.take(index, 0, axis), np.take(index, -1, axis)) for axis in range(3)]


def touching(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Pairs (n, 2) of clusters that meet where one layer lies on another, each pair once."""
    both = (one > 0) & (other > 0)
    pairs: NDArray[Any] = np.unique(np.stack([one[both], other[both]], 1), axis=0)
    return pairs


def _walk(
    root: int, edges: list[list[tuple[int, Vector]]], offset: dict[int, Vector]
) -> tuple[list[int], list[bool]]:
    """Members of the graph component of a node, and the axes along which its loops lead."""
    offset[root] = (0, 0, 0)
    members, winds = [root], [False] * 3
    for node in members:
        at = offset[node]
        for other, step in edges[node]:
            there = (at[0] + step[0], at[1] + step[1], at[2] + step[2])
            if other not in offset:
                offset[other] = there
                members.append(other)
            winds = [w or t != o for w, t, o in zip(winds, there, offset[other], strict=True)]
    return members, winds
