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

MANY = 512
"""Elements around a node beyond which it stays."""


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
    star = np.empty(MANY, np.int32)
    corner = np.empty(MANY, np.int32)
    change = np.zeros(spare.shape[0])
    gone = 0
    for u in order:
        if free[u] == 0 or target[u] != u:
            continue
        count = collect(u, head, after, alive, star, corner)
        if count == 0 or count > MANY - 1:
            continue
        both = kinds[u] & (kinds[u] - 1) != 0
        limit = max(least, min(good, _measure_star(nodes, elements, star, count)))
        best, best_quality, best_error = -1, -1.0, 0.0
        for s in range(count):
            for k in range(4):
                v = elements[star[s], k]
                if v == u or scratch[2, v] == u + 1:
                    continue
                scratch[2, v] = u + 1  # looked at
                if faces[u] & ~faces[v] or kinds[u] & ~kinds[v]:
                    continue
                quality = _judge(
                    u, v, nodes, elements, star, corner, count, longest, per_voxel, limit
                )
                if quality <= best_quality:
                    continue
                moved = 0.0
                if both:
                    if not _keeps_surface(
                        u, v, elements, phases, kinds, star, count, head, after, alive, scratch
                    ):
                        continue
                    moved = error[u] + _measure_move(
                        u, v, nodes, elements, phases, star, count, per_voxel, turn
                    )
                    if moved > tolerance:
                        continue
                    _measure_change(u, v, nodes, elements, phases, star, count, change)
                    kept = True
                    for p in range(len(change)):
                        kept &= -spare[p, 0] <= change[p] <= spare[p, 1]
                    if not kept:
                        continue
                best, best_quality, best_error = v, quality, moved
        if best < 0:
            continue
        if both:
            _measure_change(u, best, nodes, elements, phases, star, count, change)
            for p in range(len(change)):
                spare[p, 0] += change[p]
                spare[p, 1] -= change[p]
            error[best] = max(error[best], best_error)
        _move(u, best, elements, star, corner, count, head, after, alive)
        target[u] = best
        gone += 1
    return gone


@subroutine()
def collect(
    u: int,
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    alive: NDArray[np.uint8],
    star: NDArray[np.int32],
    corner: NDArray[np.int32],
) -> int:
    """The elements around a node and its corner in each; their number, MANY when there are more.

    Corners of elements that are gone leave the list.
    """
    count, before, here = 0, -1, head[u]
    while here >= 0:
        if alive[here // 4]:
            if count == len(star):
                return count
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
def _measure_star(
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    star: NDArray[np.int32],
    count: int,
) -> float:
    """The least scaled Jacobian of the elements around a node."""
    worst = 1.0
    place = np.empty((4, 3))
    for s in range(count):
        for k in range(4):
            for a in range(3):
                place[k, a] = nodes[elements[star[s], k], a]
        worst = min(worst, measure_quality(place))
    return worst


@subroutine()
def _judge(
    u: int,
    v: int,
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    star: NDArray[np.int32],
    corner: NDArray[np.int32],
    count: int,
    longest: NDArray[np.float64],
    per_voxel: NDArray[np.float64],
    least: float,
) -> float:
    """The least scaled Jacobian around u, moved to v; -1 when an edge or an element is refused."""
    for s in range(count):
        for k in range(4):
            w = elements[star[s], k]
            if w != u and w != v:
                limit = 0.5 * (longest[v] + longest[w])
                square = 0.0
                for a in range(3):
                    square += ((nodes[w, a] - nodes[v, a]) * per_voxel[a]) ** 2
                if square > limit * limit:
                    return -1.0
    worst = 2.0
    place = np.empty((4, 3))
    for s in range(count):
        dies = False
        for k in range(4):
            dies |= elements[star[s], k] == v
        if dies:
            continue
        for k in range(4):
            w = v if k == corner[s] else elements[star[s], k]
            for a in range(3):
                place[k, a] = nodes[w, a]
        quality = measure_quality(place)
        if quality < least:
            return -1.0
        worst = min(worst, quality)
    return worst if worst < 2.0 else -1.0


@subroutine()
def measure_quality(p: NDArray[np.float64]) -> float:
    """The scaled Jacobian of a tetrahedron (4, 3)."""
    l01 = l02 = l03 = l12 = l13 = l23 = 0.0
    for a in range(3):
        l01 += (p[1, a] - p[0, a]) ** 2
        l02 += (p[2, a] - p[0, a]) ** 2
        l03 += (p[3, a] - p[0, a]) ** 2
        l12 += (p[2, a] - p[1, a]) ** 2
        l13 += (p[3, a] - p[1, a]) ** 2
        l23 += (p[3, a] - p[2, a]) ** 2
    largest = max(
        max(l01 * l02 * l03, l01 * l12 * l13), max(l12 * l02 * l23, l03 * l13 * l23)
    )
    if largest <= 0.0:
        return -1.0
    return np.sqrt(2.0 / largest) * 6.0 * _measure_volume(p)


@subroutine()
def _measure_volume(p: NDArray[np.float64]) -> float:
    a0, a1, a2 = p[1, 0] - p[0, 0], p[1, 1] - p[0, 1], p[1, 2] - p[0, 2]
    b0, b1, b2 = p[2, 0] - p[0, 0], p[2, 1] - p[0, 1], p[2, 2] - p[0, 2]
    c0, c1, c2 = p[3, 0] - p[0, 0], p[3, 1] - p[0, 1], p[3, 2] - p[0, 2]
    return (
        a0 * (b1 * c2 - b2 * c1) + a1 * (b2 * c0 - b0 * c2) + a2 * (b0 * c1 - b1 * c0)
    ) / 6.0


@subroutine()
def _keeps_surface(
    u: int,
    v: int,
    elements: NDArray[np.int32],
    phases: NDArray[np.uint8],
    kinds: NDArray[np.int64],
    star: NDArray[np.int32],
    count: int,
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    alive: NDArray[np.uint8],
    scratch: NDArray[np.int64],
) -> bool:
    """Whether the interface through u keeps its topology when u goes to v: the link condition.

    An edge is on an interface when elements of two phases are around it.
    """
    together, kept = 0, True
    for s in range(count):  # phases around each edge (u, w), and around (u, v)
        bit = 1 << phases[star[s]]
        dies = False
        for k in range(4):
            w = elements[star[s], k]
            scratch[0, w] |= bit
            dies |= w == v
        if dies:
            together |= bit
    if together & (together - 1) == 0:
        kept = False
    here = head[v]
    while here >= 0:  # and around each edge (v, w)
        if alive[here // 4]:
            for k in range(4):
                scratch[1, elements[here // 4, k]] |= 1 << phases[here // 4]
        here = after[here]
    for s in range(count):
        if not kept:
            break
        t = star[s]
        third = 0
        for k in range(4):
            third += elements[t, k] == v
        for k in range(4):
            w = elements[t, k]
            if w == u or w == v:
                continue
            shared = scratch[0, w] & (scratch[0, w] - 1) and scratch[1, w] & (scratch[1, w] - 1)
            if shared:  # then (u, v, w) must be a triangle of an interface
                bits = 0
                for r in range(count):
                    has_v = has_w = False
                    for j in range(4):
                        has_v |= elements[star[r], j] == v
                        has_w |= elements[star[r], j] == w
                    if has_v and has_w:
                        bits |= 1 << phases[star[r]]
                if bits & (bits - 1) == 0:
                    kept = False
        if third and kept:
            kept = not _closes(u, v, t, elements, phases, star, count, head, after, alive)
    for s in range(count):
        for k in range(4):
            scratch[0, elements[star[s], k]] = 0
    here = head[v]
    while here >= 0:
        for k in range(4):
            scratch[1, elements[here // 4, k]] = 0
        here = after[here]
    return kept


@subroutine()
def _closes(
    u: int,
    v: int,
    t: int,
    elements: NDArray[np.int32],
    phases: NDArray[np.uint8],
    star: NDArray[np.int32],
    count: int,
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    alive: NDArray[np.uint8],
) -> bool:
    """Whether the element t (u, v, x, y) is all of its phase between (u, x, y) and (v, x, y)."""
    x = y = -1
    for k in range(4):
        w = elements[t, k]
        if w != u and w != v:
            if x < 0:
                x = w
            else:
                y = w
    lone = True
    for r in range(count):
        if star[r] != t:
            found = 0
            for k in range(4):
                found += elements[star[r], k] == x or elements[star[r], k] == y
            if found == 2:
                lone = phases[star[r]] != phases[t]
    if not lone:
        return False
    here = head[v]
    while here >= 0:
        other = here // 4
        if alive[other] and other != t:
            found = 0
            for k in range(4):
                found += elements[other, k] == x or elements[other, k] == y
            if found == 2:
                return phases[other] != phases[t]
        here = after[here]
    return True


@subroutine()
def _measure_move(
    u: int,
    v: int,
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    phases: NDArray[np.uint8],
    star: NDArray[np.int32],
    count: int,
    per_voxel: NDArray[np.float64],
    turn: float,
) -> float:
    """Voxels from u to the planes of the new triangles, at most; infinite when one turns."""
    furthest = 0.0
    old, new = np.empty(3), np.empty(3)
    for s in range(count):
        for r in range(s):
            if phases[star[s]] == phases[star[r]]:
                continue
            x = y = -1
            for k in range(4):
                w = elements[star[s], k]
                if w != u:
                    for j in range(4):
                        if elements[star[r], j] == w:
                            if x < 0:
                                x = w
                            else:
                                y = w
            if y < 0 or x == v or y == v:
                continue
            _find_normal(nodes[u], nodes[x], nodes[y], per_voxel, old)
            _find_normal(nodes[v], nodes[x], nodes[y], per_voxel, new)
            if old[0] * new[0] + old[1] * new[1] + old[2] * new[2] < turn:
                return np.inf
            away = 0.0
            for a in range(3):
                away += (nodes[u, a] - nodes[v, a]) * per_voxel[a] * new[a]
            furthest = max(furthest, abs(away))
    return furthest


@subroutine()
def _find_normal(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    c: NDArray[np.float64],
    per_voxel: NDArray[np.float64],
    normal: NDArray[np.float64],
) -> None:
    """Of length 1, or 0 of a triangle without area."""
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        normal[k] = (
            (b[i] - a[i]) * (c[j] - a[j]) - (b[j] - a[j]) * (c[i] - a[i])
        ) * per_voxel[i] * per_voxel[j]
    length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
    if length > 0:
        for k in range(3):
            normal[k] /= length


@subroutine()
def _measure_change(
    u: int,
    v: int,
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    phases: NDArray[np.uint8],
    star: NDArray[np.int32],
    count: int,
    change: NDArray[np.float64],
) -> None:
    """What the volume of each phase changes by."""
    change[:] = 0.0
    place = np.empty((4, 3))
    for s in range(count):
        for k in range(4):
            for a in range(3):
                place[k, a] = nodes[elements[star[s], k], a]
        change[phases[star[s]]] -= _measure_volume(place)
        dies = False
        for k in range(4):
            dies |= elements[star[s], k] == v
            if elements[star[s], k] == u:
                for a in range(3):
                    place[k, a] = nodes[v, a]
        if not dies:
            change[phases[star[s]]] += _measure_volume(place)


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
        for k in range(4):
            if elements[t, k] == v:
                alive[t] = 0
    for s in range(count):
        t = star[s]
        if alive[t]:
            elements[t, corner[s]] = v
            here = 4 * t + corner[s]
            after[here] = head[v]
            head[v] = here
