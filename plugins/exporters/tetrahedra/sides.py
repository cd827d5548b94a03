"""The triangles of a mesh of tetrahedra, and the elements on both sides of each."""

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.exporters.tetrahedra.lattice import Nodes

SIDES = ((0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3))
"""Corners of the four sides of an element, normals outward, in the order of Abaqus (S1 to S4)."""
NONE = -1


@attrs.frozen(eq=False)
class Triangles:
    """Every triangle of a mesh once.

    corners   (f, 3) with the normal out of the element `elements[:, 0]`
    elements  (f, 2) the elements beside it, ascending; the second is -1 on the boundary
    sides     (f, 2) which of its four sides it is of each
    surface   (f,) the place of the named surface that it belongs to, or -1
    """

    corners: Nodes
    elements: NDArray[np.int64]
    sides: NDArray[np.int64]
    surface: NDArray[np.int64]


def list_triangles(tetrahedra: Nodes, surfaces: Sequence[Nodes]) -> Triangles:
    """The triangles of elements (n, 4 or more); `surfaces` are some of them, (k, 3 or more)."""
    corners = tetrahedra[:, SIDES].reshape(-1, 3)
    named = np.concatenate([np.empty((0, 3), np.int32), *(each[:, :3] for each in surfaces)])
    keys = np.sort(np.concatenate([corners, named]), 1).astype(np.int64)
    order = np.lexsort((keys[:, 2], keys[:, 0] * (keys.max() + 1) + keys[:, 1]))  # stable
    keys = keys[order]
    begins = np.append(True, (keys[1:] != keys[:-1]).any(1))
    begin = np.flatnonzero(begins)
    group = np.cumsum(begins) - 1
    first = order[begin]  # sides come before named triangles, and ascend
    after = order[np.minimum(begin + 1, len(order) - 1)]
    paired = (np.append(begin[1:], len(order)) - begin > 1) & (after < len(corners))
    surface = np.full(len(begin), NONE)
    isnamed = order >= len(corners)
    which = np.repeat(np.arange(len(surfaces)), [len(each) for each in surfaces])
    surface[group[isnamed]] = which[order[isnamed] - len(corners)]
    both = np.stack([first, np.where(paired, after, NONE)], 1)
    return Triangles(
        corners[first],
        np.where(both == NONE, NONE, both // 4),
        np.where(both == NONE, NONE, both % 4),
        surface,
    )
