"""Interfaces of voxels made smooth: their nodes moved, none by more than half a voxel.

Constrained smoothing in the manner of surface nets (Gibson, MICCAI 1998) with steps that do not
shrink (Taubin, SIGGRAPH 1995). A node where three or more phases meet follows the line where they
meet; a node of an outer face stays in it.
"""

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

STEPS = 40
INWARD, OUTWARD = 0.5, -0.52
"""Shares of the way to the mean of the neighbours: a step that shrinks, one that undoes it."""
LIMIT = 0.5
"""Voxels along each axis that a node may move."""


@attrs.frozen(eq=False)
class Lattice:
    """The nodes of a volume, those on opposite faces of a periodic axis taken for one.

    sides     nodes along z, y, x
    periodic  whether each axis is
    faces     (m, 3) 0 inside, 1 and 2 on the first and the last face normal to z, y, x
    """

    sides: tuple[int, ...]
    periodic: tuple[bool, ...]
    faces: NDArray[np.int8]

    @classmethod
    def of(cls, shape: Sequence[int], periodic: Sequence[bool]) -> "Lattice":
        """That of a volume of so many voxels."""
        sides = tuple(n if p else n + 1 for n, p in zip(shape, periodic, strict=True))
        places = np.indices(sides).reshape(3, -1).T
        faces = np.where(places == 0, 1, 0)
        faces[(places == np.array(shape)) & ~np.array(periodic)] = 2
        return cls(sides, tuple(periodic), faces.astype(np.int8))

    def number(self) -> NDArray[np.int64]:
        """The numbers of the nodes (z, y, x)."""
        return np.arange(len(self.faces)).reshape(self.sides)


def smooth(labels: NDArray[np.uint8], periodic: Sequence[bool]) -> NDArray[np.float64]:
    """How far each node (k, j, i) of the lattice moves along (z, y, x), in voxels: (m, 3)."""
    lattice = Lattice.of(labels.shape, periodic)
    start, end, axis, order = _find_edges(labels, lattice)
    rank = np.zeros(len(lattice.faces), np.int8)
    np.maximum.at(rank, start, order)
    np.maximum.at(rank, end, order)
    moves = np.zeros((len(lattice.faces), 3))
    pull = _Pull(lattice, start, end, axis, order, rank)
    for _ in range(STEPS):
        for share in (INWARD, OUTWARD):
            moves += share * pull.towards_mean(moves)
            np.clip(moves, -LIMIT, LIMIT, out=moves)
    wrap = [np.arange(n + 1) % side for n, side in zip(labels.shape, lattice.sides, strict=True)]
    return np.ascontiguousarray(moves.reshape(*lattice.sides, 3)[np.ix_(*wrap)]).reshape(-1, 3)


def _find_edges(labels: NDArray[np.uint8], lattice: Lattice) -> list[NDArray[np.int64]]:
    """Edges of the lattice on interfaces: from and to which node, along which axis, of how many
    phases."""
    numbers = lattice.number()
    edges = []
    for axis in range(3):
        around = labels
        for other in range(3):
            if other != axis:
                width = [(1, 1) if one == other else (0, 0) for one in range(3)]
                mode = "wrap" if lattice.periodic[other] else "edge"
                around = np.pad(around, width, mode=mode)  # type: ignore[call-overload]
        p, q = (other for other in range(3) if other != axis)
        corners = np.stack(
            [
                np.take(
                    np.take(around, np.arange(a, a + lattice.sides[p]), p),
                    np.arange(b, b + lattice.sides[q]),
                    q,
                )
                for a in (0, 1)
                for b in (0, 1)
            ],
            -1,
        )
        corners.sort(-1)
        order = 1 + (np.diff(corners, axis=-1) != 0).sum(-1)
        first = np.take(numbers, np.arange(labels.shape[axis]), axis)
        after = (np.arange(labels.shape[axis]) + 1) % lattice.sides[axis]
        second = np.take(numbers, after, axis)
        on = order > 1
        edges.append((first[on], second[on], np.full(on.sum(), axis), order[on]))
    return [np.concatenate(column) for column in zip(*edges, strict=True)]


class _Pull:
    """The way of each node to the mean of its neighbours on the interface."""

    def __init__(
        self,
        lattice: Lattice,
        start: NDArray[np.int64],
        end: NDArray[np.int64],
        axis: NDArray[np.int64],
        order: NDArray[np.int64],
        rank: NDArray[np.int8],
    ) -> None:
        node, beside = np.concatenate([start, end]), np.concatenate([end, start])
        step = np.zeros((len(node), 3))
        step[np.arange(len(node)), np.tile(axis, 2)] = np.repeat([1.0, -1.0], len(start))
        own, other = lattice.faces[node], lattice.faces[beside]
        kept = (np.tile(order, 2) >= rank[node]) & ((own == 0) | (own == other)).all(1)
        node, beside, step = node[kept], beside[kept], step[kept]
        count = np.bincount(node, minlength=len(rank))
        self.free = (lattice.faces == 0) & (count > 1)[:, None]  # ends of a line stay
        weight = 1.0 / np.maximum(count, 1)
        shape = (len(rank), len(rank))
        self.mean = sparse.csr_matrix((weight[node], (node, beside)), shape)
        self.rest = np.stack(
            [np.bincount(node, step[:, k] * weight[node], len(rank)) for k in range(3)], 1
        )

    def towards_mean(self, moves: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((self.mean @ moves + self.rest - moves) * self.free)
