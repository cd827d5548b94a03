"""Tetrahedra of second order: a node in the middle of every edge.

The nodes have numbers in a lattice of half voxels, where the middle of an edge has the mean of the
numbers of its ends. Edges stay straight, so that the quality of an element is that of its corners.
"""

import attrs
import numpy as np

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
    ends = mesh.tetrahedra[:, EDGES]
    middles = corners[ends].sum(-1) // 2
    here = np.zeros(count_nodes(halved), bool)
    here[corners] = here[middles] = True
    numbers = np.flatnonzero(here)
    order = np.full(len(here), -1, np.int32)
    order[numbers] = np.arange(len(numbers))
    nodes = np.empty((len(numbers), 3))
    nodes[order[middles]] = mesh.nodes[ends].mean(2)
    nodes[order[corners]] = mesh.nodes

    def extend(elements: Nodes, edges: int) -> Nodes:
        ends = corners[elements[:, EDGES[:edges]]]
        return np.concatenate([order[corners[elements]], order[ends.sum(-1) // 2]], 1)

    return attrs.evolve(
        mesh,
        nodes=nodes,
        numbers=numbers,
        tetrahedra=np.concatenate([order[corners[mesh.tetrahedra]], order[middles]], 1),
        interfaces={pair: extend(each, 3) for pair, each in mesh.interfaces.items()},
        faces={name: extend(each, 3) for name, each in mesh.faces.items()},
    )
