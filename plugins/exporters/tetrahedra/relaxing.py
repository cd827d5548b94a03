"""Nodes inside phases moved to the middle of their neighbours where that makes elements better."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine
from recon.plugins.exporters.tetrahedra.collapse import MANY, collect
from recon.plugins.exporters.tetrahedra.geometry import measure_star


@kernel()
def relax(
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    movable: NDArray[np.uint8],
    target: NDArray[np.int32],
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    alive: NDArray[np.uint8],
) -> None:
    """One pass over the nodes that are movable and left, in place; see `collapse_edges`.

    Each goes to the mean of the corners of its elements, or half or a quarter of that way, when
    the least scaled Jacobian around it grows.
    """
    star = np.empty(MANY, np.int32)
    corner = np.empty(MANY, np.int32)
    place = np.empty((4, 3))
    start, way = np.empty(3), np.empty(3)
    for u in range(len(nodes)):
        if movable[u] == 0 or target[u] != u:
            continue
        count = collect(u, head, after, alive, star, corner)
        if count == 0:
            continue
        _find_way(u, nodes, elements, star, count, start, way)
        before, share = -1.0, 0.0
        for trial in range(4):
            tried = 0.0 if trial == 0 else 2.0 ** (1 - trial)
            for a in range(3):
                nodes[u, a] = start[a] + tried * way[a]
            worst = measure_star(nodes, elements, star, count, place)
            if worst > before:
                before, share = worst, tried
        for a in range(3):
            nodes[u, a] = start[a] + share * way[a]


@subroutine()
def _find_way(
    u: int,
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    star: NDArray[np.int32],
    count: int,
    start: NDArray[np.float64],
    way: NDArray[np.float64],
) -> None:
    """Where a node is, and the way to the mean of the other corners of its elements."""
    for a in range(3):
        start[a] = nodes[u, a]
        total = 0.0
        for c in range(4 * count):
            total += nodes[elements[star[c // 4], c % 4], a]
        way[a] = (total - count * start[a]) / (3 * count) - start[a]
