"""Fewer nodes: edges collapsed one by one, each onto the node at one of its ends.

A node u goes to a neighbour v when all elements that are left around it stay positive, are good
enough and have no edge longer than is wanted there. Then v sees the whole star of u, so that the
elements still fill it without a gap or an overlap; which surfaces u may leave is decided by rules:

- inside a phase: to any neighbour;
- on outer faces: to a node on the same ones (an edge of the box to one on it, a corner nowhere);
- on the interface of two phases: along it, to a node where both meet, when the link condition
  holds (Dey, Edelsbrunner, Guha & Nekhayev, Publ. Inst. Math. 66, 23 (1999)), the interface turns
  by less than a limit, leaves its place by less than a tolerance, and the volume of each phase is
  kept; where three phases meet, or an interface touches itself, nodes stay.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine
from recon.plugins.exporters.tetrahedra.geometry import (
    Mesh,
    collect,
    holds,
    measure_quality,
    measure_star,
    place_corners,
)
from recon.plugins.exporters.tetrahedra.surface_rules import (
    Star,
    keeps_surface,
    measure_change,
    measure_move,
)

MANY = 512
"""Elements around a node beyond which it stays."""
NO = -1.0


class Places(NamedTuple):
    """What is known of each node.

    kinds    (m,) bits of the phases around it
    faces    (m,) bits of the six outer faces that it lies on
    free     (m,) 0 stays, 1 may go
    longest  (m,) edge that is wanted there, in voxels; of an edge, the mean of its ends
    error    (m,) how far interfaces have moved there
    marks    (3, m) of zeros
    """

    kinds: NDArray[np.int64]
    faces: NDArray[np.uint8]
    free: NDArray[np.uint8]
    longest: NDArray[np.float64]
    error: NDArray[np.float64]
    marks: NDArray[np.int64]


class Limits(NamedTuple):
    """What a collapse must keep.

    least      scaled Jacobian that no new element may fall below
    good       that it must have, unless one there has less before
    turn       cosine of the most that a triangle of an interface may turn
    tolerance  voxels that an interface may leave its place
    spare      (phases, 2) volume that each may still lose and gain
    """

    least: float
    good: float
    turn: float
    tolerance: float
    spare: NDArray[np.float64]


@kernel()
def collapse_edges(mesh: Mesh, places: Places, limits: Limits, order: NDArray[np.int64]) -> int:
    """One pass over the nodes in `order`; how many are gone. Changes what it is given in place."""
    nearby, corners = np.empty(MANY, np.int32), np.empty(MANY, np.int32)
    place, change = np.empty((4, 3)), np.zeros(limits.spare.shape[0])
    kinds, faces, error = places.kinds, places.faces, places.error
    gone = 0
    for u in order:
        if places.free[u] == 0 or mesh.target[u] != u:
            continue
        star = collect(u, mesh, nearby, corners)
        both = kinds[u] & (kinds[u] - 1) != 0
        worst = max(limits.least, min(limits.good, measure_star(mesh, star, place)))
        # 64 bits for every node and element: others are further signatures of all that is called.
        best, best_quality, best_error = int(np.int64(-1)), 0.0, 0.0
        for c in range(4 * len(star)):
            v = int(np.int64(mesh.elements[star[c // 4], c % 4]))
            seen = places.marks[2, v] == u + 1
            if v == u or seen or faces[u] & ~faces[v] or kinds[u] & ~kinds[v]:
                continue
            places.marks[2, v] = u + 1
            quality, moved = NO, error[u]
            if _is_short(u, v, mesh, star, places.longest):
                quality = _judge(u, v, mesh, star, worst, place)
            if both and quality > best_quality:
                moved += measure_move(u, v, mesh, star, limits.turn)
                measure_change(u, v, mesh, star, place, change)
                if (
                    moved > limits.tolerance
                    or not _is_spared(change, limits.spare)
                    or not keeps_surface(u, v, mesh, star, places.marks)
                ):
                    quality = NO
            if quality > best_quality:
                best, best_quality, best_error = v, quality, moved
        if best >= 0:
            measure_change(u, best, mesh, star, place, change)
            _pay(change, limits.spare)
            error[best] = max(error[best], best_error)
            _move(u, best, mesh, star, corners)
            gone += 1
    return gone


@subroutine()
def _is_spared(change: NDArray[np.float64], spare: NDArray[np.float64]) -> bool:
    """Whether every phase may still lose or gain that much."""
    spared = True
    for p in range(len(change)):
        spared = spared and -spare[p, 0] <= change[p] <= spare[p, 1]
    return spared


@subroutine()
def _pay(change: NDArray[np.float64], spare: NDArray[np.float64]) -> None:
    for p in range(len(change)):
        spare[p, 0] += change[p]
        spare[p, 1] -= change[p]


@subroutine()
def _is_short(u: int, v: int, mesh: Mesh, star: Star, longest: NDArray[np.float64]) -> bool:
    """Whether no edge gets longer than is wanted there when u goes to v."""
    nodes = mesh.nodes
    for c in range(4 * len(star)):
        w = mesh.elements[star[c // 4], c % 4]
        limit = 0.5 * (longest[v] + longest[w])
        square = 0.0
        for a in range(3):
            square += ((nodes[w, a] - nodes[v, a]) * mesh.per_voxel[a]) ** 2
        if square > limit * limit and w != u:
            return False
    return True


@subroutine()
def _judge(
    u: int, v: int, mesh: Mesh, star: Star, limit: float, place: NDArray[np.float64]
) -> float:
    """The least scaled Jacobian when u goes to v; NO below the limit, and when none is left."""
    worst = 2.0
    for t in star:
        if not holds(mesh, t, v):
            place_corners(mesh, t, u, v, place)
            worst = min(worst, measure_quality(place))
            if worst < limit:
                return NO
    return worst if worst < 2.0 else NO


@subroutine()
def _move(u: int, v: int, mesh: Mesh, star: Star, corners: NDArray[np.int32]) -> None:
    """u to v: elements with both go, the others and their corners become those of v."""
    for s in range(len(star)):
        t = star[s]
        if holds(mesh, t, v):
            mesh.alive[t] = 0
        else:
            mesh.elements[t, corners[s]] = v
            here = 4 * t + corners[s]
            mesh.after[here] = mesh.head[v]
            mesh.head[v] = here
    mesh.target[u] = v
