"""Nodes inside phases moved to the middle of their neighbours where that makes elements better."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine
from recon.plugins.exporters.tetrahedra.collapse import MANY
from recon.plugins.exporters.tetrahedra.geometry import Mesh, collect, measure_star


@kernel()
def relax(mesh: Mesh, movable: NDArray[np.uint8]) -> None:
    """One pass over the nodes that are movable (m,) and left, in place.

    Each goes to the mean of the corners of its elements, or half or a quarter of that way, when
    the least scaled Jacobian around it grows.
    """
    nearby, corners = np.empty(MANY, np.int32), np.empty(MANY, np.int32)
    place = np.empty((4, 3))
    start, way = np.empty(3), np.empty(3)
    for u in range(len(mesh.nodes)):
        if movable[u] == 0 or mesh.target[u] != u:
            continue
        star = collect(u, mesh, nearby, corners)
        if len(star) == 0:
            continue
        _find_way(u, mesh, star, start, way)
        before, share = -1.0, 0.0
        for trial in range(4):
            tried = 0.0 if trial == 0 else 2.0 ** (1 - trial)
            for a in range(3):
                mesh.nodes[u, a] = start[a] + tried * way[a]
            worst = measure_star(mesh, star, place)
            if worst > before:
                before, share = worst, tried
        for a in range(3):
            mesh.nodes[u, a] = start[a] + share * way[a]


@subroutine()
def _find_way(
    u: int,
    mesh: Mesh,
    star: NDArray[np.int32],
    start: NDArray[np.float64],
    way: NDArray[np.float64],
) -> None:
    """Where a node is, and the way to the mean of the other corners of its elements."""
    for a in range(3):
        start[a] = mesh.nodes[u, a]
        total = 0.0
        for c in range(4 * len(star)):
            total += mesh.nodes[mesh.elements[star[c // 4], c % 4], a]
        way[a] = (total - len(star) * start[a]) / (3 * len(star)) - start[a]
