"""Tetrahedra of second order: a node in the middle of every edge.

The nodes have numbers in a lattice of half voxels, where the middle of an edge within a voxel has
the mean of the numbers of its ends; those of longer edges follow. Edges stay straight, so that the
quality of an element is that of its corners.
"""

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.exporters.tetrahedra.lattice import Nodes, count_nodes
from recon.plugins.exporters.tetrahedra.mesh import TetrahedralMesh

EDGES = ((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3))
"""Corners beside the nodes 4 to 9 of an element, as Abaqus and VTK count; a triangle has three."""


def add_edge_nodes(mesh: TetrahedralMesh, shape: tuple[int, ...]) -> TetrahedralMesh:
    """The mesh (of a volume of that shape) with elements (n, 10) and triangles (k, 6)."""
    sides = [side + 1 for side in shape]
    halved = tuple(2 * side for side in shape)
    place = np.stack(np.unravel_index(mesh.numbers, sides), 1) * 2
    corners = np.ravel_multi_index(tuple(place.T), [side + 1 for side in halved])
    middles = _Middles(corners, place, mesh.tetrahedra, count_nodes(halved))
    ends = mesh.tetrahedra[:, EDGES]
    found = middles.number(ends)
    here = np.zeros(count_nodes(halved) + len(middles.longer), bool)
    here[corners] = here[found] = True
    numbers = np.flatnonzero(here)
    order = np.full(len(here), -1, np.int32)
    order[numbers] = np.arange(len(numbers))
    nodes = np.empty((len(numbers), 3))
    nodes[order[found]] = mesh.nodes[ends].mean(2)
    nodes[order[corners]] = mesh.nodes

    def extend(elements: Nodes, edges: int) -> Nodes:
        between = middles.number(elements[:, EDGES[:edges]])
        return np.concatenate([order[corners[elements]], order[between]], 1)

    return attrs.evolve(
        mesh,
        nodes=nodes,
        numbers=numbers,
        tetrahedra=np.concatenate([order[corners[mesh.tetrahedra]], order[found]], 1),
        interfaces={pair: extend(each, 3) for pair, each in mesh.interfaces.items()},
        faces={name: extend(each, 3) for name, each in mesh.faces.items()},
    )


class _Middles:
    """Numbers of the nodes in the middle of edges.

    corners  (m,) numbers of the nodes in the lattice of half voxels, place  (m, 3) their places
    first    number of the first middle of an edge that is none of Kuhn's
    """

    def __init__(
        self, corners: NDArray[np.int64], place: NDArray[np.int64], elements: Nodes, first: int
    ) -> None:
        self.corners, self.place, self.first = corners, place, first
        codes, plain = self._encode(elements[:, EDGES])
        self.longer = np.unique(codes[~plain])

    def _encode(self, ends: Nodes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """A number for each edge (..., 2), and whether it is one of Kuhn's."""
        low, high = ends.min(-1).astype(np.int64), ends.max(-1).astype(np.int64)
        step = self.place[high] - self.place[low]
        return low * len(self.corners) + high, ((step == 0) | (step == 2)).all(-1)

    def number(self, ends: Nodes) -> NDArray[np.int64]:
        """Of edges (..., 2) by their ends."""
        codes, plain = self._encode(ends)
        numbers = self.corners[ends].sum(-1) // 2
        numbers[~plain] = self.first + np.searchsorted(self.longer, codes[~plain])
        return np.asarray(numbers)
