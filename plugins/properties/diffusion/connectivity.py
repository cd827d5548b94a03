"""Which conducting voxels carry a current: clusters that span the volume, or wind around it.

Voxels are connected through their faces. What is not on a way from end to end has no net flux and
leaves the system of equations, which would be singular or badly conditioned with it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

Vector = tuple[int, int, int]


class Clusters:
    """Face-connected clusters of a mask (z, y, x); cost O(voxels), 4 bytes a voxel."""

    def __init__(self, mask: NDArray[np.bool_], periodic: bool) -> None:
        self.index, self.count = label(mask)
        self.winding = self._winding() if periodic else None

    def carrying(self, axis: int) -> NDArray[np.bool_]:
        """Which clusters (0 = background, 1..count) carry a net flux along an array axis."""
        alive = np.zeros(self.count + 1, bool)
        if self.winding is not None:
            alive[1:] = self.winding[:, axis]
            return alive
        first, last = np.take(self.index, 0, axis), np.take(self.index, -1, axis)
        alive[np.intersect1d(first, last)] = True
        alive[0] = False
        return alive

    def _winding(self) -> NDArray[np.bool_]:
        """(count, 3): whether the periodic continuation of a cluster goes on along each axis.

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
        for root in range(self.count):
            if root not in offset:
                members, winds = _walk(root, edges, offset)
                winding[members] = winds
        return winding

    def _across(self) -> Iterator[tuple[int, int, int]]:
        for axis in range(3):
            last, first = np.take(self.index, -1, axis), np.take(self.index, 0, axis)
            touching = (last > 0) & (first > 0)
            pairs = np.unique(np.stack([last[touching], first[touching]], 1), axis=0)
            for a, b in pairs.tolist():
                yield axis, a - 1, b - 1


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
