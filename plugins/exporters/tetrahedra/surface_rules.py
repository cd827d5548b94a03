"""What an edge (u, v) of an interface must satisfy to be collapsed: topology, shape, volume.

The star of u is the elements around it.
"""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import subroutine
from recon.plugins.exporters.tetrahedra.geometry import (
    Mesh,
    find_normal,
    holds,
    measure_volume,
    place_corners,
)

Star = NDArray[np.int32]
Marks = NDArray[np.int64]


@subroutine()
def keeps_surface(u: int, v: int, mesh: Mesh, star: Star, marks: Marks) -> bool:
    """Whether the interface through u keeps its topology when u goes to v: the link condition.

    An edge is on an interface when elements of two phases are around it.
    marks (3, m)  the first two rows are zeros, and are so afterwards
    """
    kept = _is_several(_join_phases(v, v, mesh, star))
    _mark_phases(v, mesh, star, marks)
    for s in range(len(star)):
        t = int(np.int64(star[s]))
        kept = kept and _keeps_links(u, v, t, mesh, star, marks)
        if kept and holds(mesh, t, v):
            kept = not _closes(u, v, t, mesh, star)
    _clear_marks(v, mesh, star, marks)
    return kept


@subroutine()
def _mark_phases(v: int, mesh: Mesh, star: Star, marks: Marks) -> None:
    """In rows 0 and 1, by w, the phases around the edges (u, w) and (v, w)."""
    for t in star:
        for k in range(4):
            marks[0, mesh.elements[t, k]] |= 1 << mesh.phases[t]
    here = mesh.head[v]
    while here >= 0:
        t = here // 4
        for k in range(4):
            marks[1, mesh.elements[t, k]] |= (1 << mesh.phases[t]) * mesh.alive[t]
        here = mesh.after[here]


@subroutine()
def _clear_marks(v: int, mesh: Mesh, star: Star, marks: Marks) -> None:
    for t in star:
        for k in range(4):
            marks[0, mesh.elements[t, k]] = 0
    here = mesh.head[v]
    while here >= 0:
        for k in range(4):
            marks[1, mesh.elements[here // 4, k]] = 0
        here = mesh.after[here]


@subroutine()
def _is_several(bits: int) -> bool:
    return bits & (bits - 1) != 0


@subroutine()
def _join_phases(v: int, w: int, mesh: Mesh, star: Star) -> int:
    """The bits of the phases of the elements of a star that hold both nodes."""
    bits = 0
    for t in star:
        if holds(mesh, t, v) and holds(mesh, t, w):
            bits |= 1 << mesh.phases[t]
    return bits


@subroutine()
def _keeps_links(u: int, v: int, t: int, mesh: Mesh, star: Star, marks: Marks) -> bool:
    """Whether (u, v, w) is a triangle of an interface where (u, w) and (v, w) are edges of some."""
    for k in range(4):
        w = mesh.elements[t, k]
        both = _is_several(marks[0, w]) and _is_several(marks[1, w]) and w != u and w != v
        if both and not _is_several(_join_phases(v, w, mesh, star)):
            return False
    return True


@subroutine()
def _closes(u: int, v: int, t: int, mesh: Mesh, star: Star) -> bool:
    """Whether the element t (u, v, x, y) is all of its phase between (u, x, y) and (v, x, y)."""
    x = y = int(np.int64(-1))
    for k in range(4):
        w = int(np.int64(mesh.elements[t, k]))
        if w != u and w != v:
            x, y = y, w
    for s in range(len(star)):
        if _is_beside(int(np.int64(star[s])), t, x, y, mesh):
            return False
    here = mesh.head[v]
    while here >= 0:
        if mesh.alive[here // 4] and _is_beside(here // 4, t, x, y, mesh):
            return False
        here = mesh.after[here]
    return True


@subroutine()
def _is_beside(r: int, t: int, x: int, y: int, mesh: Mesh) -> bool:
    """Whether r is another element of the phase of t that holds both nodes."""
    return bool(
        r != t and mesh.phases[r] == mesh.phases[t] and holds(mesh, r, x) and holds(mesh, r, y)
    )


@subroutine()
def measure_move(u: int, v: int, mesh: Mesh, star: Star, turn: float) -> float:
    """Voxels from u to the planes of the new triangles, at most; infinite when one turns."""
    nodes, per_voxel = mesh.nodes, mesh.per_voxel
    furthest = 0.0
    old, new = np.empty(3), np.empty(3)
    for s in range(len(star)):
        for r in range(s):
            x, y = _find_shared(u, star[s], star[r], mesh)
            if mesh.phases[star[s]] == mesh.phases[star[r]] or x < 0 or x == v or y == v:
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
def _find_shared(u: int, t: int, r: int, mesh: Mesh) -> tuple[int, int]:
    """The two nodes besides u that two elements share; the first is -1 where there are not two."""
    x = y = -1
    for k in range(4):
        w = mesh.elements[t, k]
        if w != u and holds(mesh, r, w):
            x, y = y, w
    return x, y


@subroutine()
def measure_change(
    u: int,
    v: int,
    mesh: Mesh,
    star: Star,
    place: NDArray[np.float64],
    change: NDArray[np.float64],
) -> None:
    """What the volume of each phase changes by when u goes to v."""
    change[:] = 0.0
    for t in star:
        place_corners(mesh, t, -1, -1, place)
        change[mesh.phases[t]] -= measure_volume(place)
        place_corners(mesh, t, u, v, place)
        change[mesh.phases[t]] += measure_volume(place)  # 0 of one that goes
