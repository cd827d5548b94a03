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

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine
from recon.plugins.exporters.tetrahedra.geometry import (
    holds,
    measure_quality,
    measure_star,
    place_corners,
)
from recon.plugins.exporters.tetrahedra.surface_rules import (
    keeps_surface,
    measure_change,
    measure_move,
)

MANY = 512
"""Elements around a node beyond which it stays."""
NO = -1.0


@kernel()
def collapse_edges(
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    phases: NDArray[np.uint8],
    kinds: NDArray[np.int64],
    faces: NDArray[np.uint8],
    free: NDArray[np.uint8],
    longest: NDArray[np.float64],
    per_voxel: NDArray[np.float64],
    least: float,
    good: float,
    turn: float,
    tolerance: float,
    spare: NDArray[np.float64],
    target: NDArray[np.int32],
    order: NDArray[np.int64],
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    alive: NDArray[np.uint8],
    error: NDArray[np.float64],
    scratch: NDArray[np.int64],
) -> int:
    """One pass over the nodes in `order`; how many are gone. Changes what it is given in place.

    nodes      (m, 3), elements (n, 4), phases (n,)
    kinds      (m,) bits of the phases around each node
    faces      (m,) bits of the six outer faces that it lies on
    free       (m,) 0 stays, 1 may go
    longest    (m,) edge that is wanted at each node, in voxels; of an edge, the mean of its ends
    per_voxel  (3,) voxels a unit of length
    least      scaled Jacobian that no new element may fall below
    good       that it must have, unless one there has less before
    turn       cosine of the most that a triangle of an interface may turn
    tolerance  voxels that an interface may leave its place
    spare      (phases, 2) volume that each may still lose and gain
    target     (m,) the node that each went to; itself, or of one that is gone, another
    head, after   (m,), (4 n,) lists of the corners (4 element + corner) at each node
    alive      (n,) whether an element is left;  error (m,) how far interfaces have moved there
    scratch    (3, m) of zeros
    """
    star, corner = np.empty(MANY, np.int32), np.empty(MANY, np.int32)
    place, change = np.empty((4, 3)), np.zeros(spare.shape[0])
    gone = 0
    for u in order:
        if free[u] == 0 or target[u] != u:
            continue
        count = collect(u, head, after, alive, star, corner)
        both = kinds[u] & (kinds[u] - 1) != 0
        limit = max(least, min(good, measure_star(nodes, elements, star, count, place)))
        best, best_quality, best_error = -1, 0.0, 0.0
        for c in range(4 * count):
            v = elements[star[c // 4], c % 4]
            if v == u or scratch[2, v] == u + 1 or faces[u] & ~faces[v] or kinds[u] & ~kinds[v]:
                continue
            scratch[2, v] = u + 1  # looked at
            quality, moved = NO, error[u]
            if _is_short(u, v, nodes, elements, star, count, longest, per_voxel):
                quality = _judge(u, v, nodes, elements, star, count, limit, place)
            if both and quality > best_quality:
                moved += measure_move(u, v, nodes, elements, phases, star, count, per_voxel, turn)
                measure_change(u, v, nodes, elements, phases, star, count, place, change)
                if (
                    moved > tolerance
                    or not _is_spared(change, spare)
                    or not keeps_surface(
                        u, v, elements, phases, star, count, head, after, alive, scratch
                    )
                ):
                    quality = NO
            if quality > best_quality:
                best, best_quality, best_error = v, quality, moved
        if best >= 0:
            measure_change(u, best, nodes, elements, phases, star, count, place, change)
            _pay(change, spare)
            error[best] = max(error[best], best_error)
            _move(u, best, elements, star, corner, count, head, after, alive)
            target[u] = best
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
def collect(
    u: int,
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    alive: NDArray[np.uint8],
    star: NDArray[np.int32],
    corner: NDArray[np.int32],
) -> int:
    """The elements around a node and its corner in each; their number, 0 when they are too many.

    Corners of elements that are gone leave the list.
    """
    count, before, here = 0, -1, head[u]
    while here >= 0:
        if alive[here // 4]:
            if count == len(star):
                return 0
            star[count], corner[count] = here // 4, here % 4
            count += 1
            before = here
        elif before < 0:
            head[u] = after[here]
        elif after[here] >= 0:
            after[before] = after[here]
        here = after[here]
    return count


@subroutine()
def _is_short(
    u: int,
    v: int,
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    star: NDArray[np.int32],
    count: int,
    longest: NDArray[np.float64],
    per_voxel: NDArray[np.float64],
) -> bool:
    """Whether no edge gets longer than is wanted there when u goes to v."""
    for c in range(4 * count):
        w = elements[star[c // 4], c % 4]
        limit = 0.5 * (longest[v] + longest[w])
        square = 0.0
        for a in range(3):
            square += ((nodes[w, a] - nodes[v, a]) * per_voxel[a]) ** 2
        if square > limit * limit and w != u:
            return False
    return True


@subroutine()
def _judge(
    u: int,
    v: int,
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    star: NDArray[np.int32],
    count: int,
    limit: float,
    place: NDArray[np.float64],
) -> float:
    """The least scaled Jacobian when u goes to v; NO below the limit, and when none is left."""
    worst = 2.0
    for s in range(count):
        if not holds(elements, star[s], v):
            place_corners(nodes, elements, star[s], u, v, place)
            worst = min(worst, measure_quality(place))
            if worst < limit:
                return NO
    return worst if worst < 2.0 else NO


@subroutine()
def _move(
    u: int,
    v: int,
    elements: NDArray[np.int32],
    star: NDArray[np.int32],
    corner: NDArray[np.int32],
    count: int,
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    alive: NDArray[np.uint8],
) -> None:
    """u to v: elements with both go, the others and their corners become those of v."""
    for s in range(count):
        t = star[s]
        if holds(elements, t, v):
            alive[t] = 0
        else:
            elements[t, corner[s]] = v
            here = 4 * t + corner[s]
            after[here] = head[v]
            head[v] = here
