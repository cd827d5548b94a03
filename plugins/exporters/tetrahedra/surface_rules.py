"""What an edge (u, v) of an interface must satisfy to be collapsed: topology, shape, volume."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import subroutine
from recon.plugins.exporters.tetrahedra.geometry import (
    find_normal,
    holds,
    measure_volume,
    place_corners,
)


@subroutine()
def keeps_surface(
    u: int,
    v: int,
    elements: NDArray[np.int32],
    phases: NDArray[np.uint8],
    star: NDArray[np.int32],
    count: int,
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    alive: NDArray[np.uint8],
    scratch: NDArray[np.int64],
) -> bool:
    """Whether the interface through u keeps its topology when u goes to v: the link condition.

    An edge is on an interface when elements of two phases are around it.
    star, count  the elements around u;  scratch (3, m) of which the first two rows are zeros
    """
    kept = _is_several(_join_phases(v, v, elements, phases, star, count))
    _mark_phases(v, elements, phases, star, count, head, after, alive, scratch)
    for s in range(count):
        kept = kept and _keeps_links(u, v, star[s], elements, phases, star, count, scratch)
        if kept and holds(elements, star[s], v):
            kept = not _closes(u, v, star[s], elements, phases, star, count, head, after, alive)
    _clear_marks(v, elements, star, count, head, after, scratch)
    return kept


@subroutine()
def _mark_phases(
    v: int,
    elements: NDArray[np.int32],
    phases: NDArray[np.uint8],
    star: NDArray[np.int32],
    count: int,
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    alive: NDArray[np.uint8],
    scratch: NDArray[np.int64],
) -> None:
    """In rows 0 and 1, by w, the phases around the edges (u, w) and (v, w)."""
    for c in range(4 * count):
        scratch[0, elements[star[c // 4], c % 4]] |= 1 << phases[star[c // 4]]
    here = head[v]
    while here >= 0:
        t = here // 4
        for k in range(4):
            scratch[1, elements[t, k]] |= (1 << phases[t]) * alive[t]
        here = after[here]


@subroutine()
def _clear_marks(
    v: int,
    elements: NDArray[np.int32],
    star: NDArray[np.int32],
    count: int,
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    scratch: NDArray[np.int64],
) -> None:
    """Zeros again."""
    for c in range(4 * count):
        scratch[0, elements[star[c // 4], c % 4]] = 0
    here = head[v]
    while here >= 0:
        for k in range(4):
            scratch[1, elements[here // 4, k]] = 0
        here = after[here]


@subroutine()
def _is_several(bits: int) -> bool:
    return bits & (bits - 1) != 0


@subroutine()
def _join_phases(
    v: int,
    w: int,
    elements: NDArray[np.int32],
    phases: NDArray[np.uint8],
    star: NDArray[np.int32],
    count: int,
) -> int:
    """The bits of the phases of the elements of a star that hold both nodes."""
    bits = 0
    for s in range(count):
        if holds(elements, star[s], v) and holds(elements, star[s], w):
            bits |= 1 << phases[star[s]]
    return bits


@subroutine()
def _keeps_links(
    u: int,
    v: int,
    t: int,
    elements: NDArray[np.int32],
    phases: NDArray[np.uint8],
    star: NDArray[np.int32],
    count: int,
    scratch: NDArray[np.int64],
) -> bool:
    """Whether (u, v, w) is a triangle of an interface where (u, w) and (v, w) are edges of some."""
    for k in range(4):
        w = elements[t, k]
        both = _is_several(scratch[0, w]) and _is_several(scratch[1, w]) and w != u and w != v
        if both and not _is_several(_join_phases(v, w, elements, phases, star, count)):
            return False
    return True


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
            x, y = y, w
    for s in range(count):
        r = star[s]
        if r != t and holds(elements, r, x) and holds(elements, r, y) and phases[r] == phases[t]:
            return False
    here = head[v]
    while here >= 0:
        r = here // 4
        beside = alive[r] and r != t and holds(elements, r, x) and holds(elements, r, y)
        if beside and phases[r] == phases[t]:
            return False
        here = after[here]
    return True


@subroutine()
def measure_move(
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
            x, y = _find_shared(u, star[s], star[r], elements)
            if phases[star[s]] == phases[star[r]] or x < 0 or x == v or y == v:
                continue
            find_normal(nodes[u], nodes[x], nodes[y], per_voxel, old)
            find_normal(nodes[v], nodes[x], nodes[y], per_voxel, new)
            if old[0] * new[0] + old[1] * new[1] + old[2] * new[2] < turn:
                return np.inf
            away = 0.0
            for a in range(3):
                away += (nodes[u, a] - nodes[v, a]) * per_voxel[a] * new[a]
            furthest = max(furthest, abs(away))
    return furthest


@subroutine()
def _find_shared(u: int, t: int, r: int, elements: NDArray[np.int32]) -> tuple[int, int]:
    """The two nodes besides u that two elements share; the first is -1 where there are not two."""
    x = y = -1
    for k in range(4):
        w = elements[t, k]
        if w != u and holds(elements, r, w):
            x, y = y, w
    return x, y


@subroutine()
def measure_change(
    u: int,
    v: int,
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    phases: NDArray[np.uint8],
    star: NDArray[np.int32],
    count: int,
    place: NDArray[np.float64],
    change: NDArray[np.float64],
) -> None:
    """What the volume of each phase changes by when u goes to v."""
    change[:] = 0.0
    for s in range(count):
        t = star[s]
        place_corners(nodes, elements, t, -1, -1, place)
        change[phases[t]] -= measure_volume(place)
        place_corners(nodes, elements, t, u, v, place)
        change[phases[t]] += measure_volume(place)  # 0 of one that goes
