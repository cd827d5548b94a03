"""A mesh that changes in place; quality, volume, normals and corners of elements, in kernels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import subroutine


class Mesh(NamedTuple):
    """Nodes (m, 3), elements (n, 4) and the phases (n,) of these.

    per_voxel    (3,) voxels a unit of length
    target       (m,) the node that each went to; itself, or of one that is gone, another
    head, after  (m,), (4 n,) lists of the corners (4 element + corner) at each node
    alive        (n,) whether an element is left
    """

    nodes: NDArray[np.float64]
    elements: NDArray[np.int32]
    phases: NDArray[np.uint8]
    per_voxel: NDArray[np.float64]
    target: NDArray[np.int32]
    head: NDArray[np.int32]
    after: NDArray[np.int32]
    alive: NDArray[np.uint8]


@subroutine()
def collect(
    u: int, mesh: Mesh, elements: NDArray[np.int32], corners: NDArray[np.int32]
) -> NDArray[np.int32]:
    """The star of a node: the elements around it; none when they are more than there is room for.

    corners  gets the corner of each that the node is

    Corners of elements that are gone leave the list.
    """
    head, after = mesh.head, mesh.after
    count, before, here = 0, -1, head[u]
    while here >= 0:
        if mesh.alive[here // 4]:
            if count == len(elements):
                return elements[:0]
            elements[count], corners[count] = here // 4, here % 4
            count += 1
            before = here
        elif before < 0:
            head[u] = after[here]
        elif after[here] >= 0:
            after[before] = after[here]
        here = after[here]
    return elements[:count]


@subroutine()
def holds(mesh: Mesh, t: int, node: int) -> bool:
    """Whether a node is a corner of an element."""
    a, b, c, d = mesh.elements[t]
    return bool(a == node or b == node or c == node or d == node)


@subroutine()
def place_corners(mesh: Mesh, t: int, u: int, v: int, place: NDArray[np.float64]) -> None:
    """The corners (4, 3) of an element, u where v is."""
    for k in range(4):
        w = v if mesh.elements[t, k] == u else mesh.elements[t, k]
        for a in range(3):
            place[k, a] = mesh.nodes[w, a]


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
    first, second = max(l01 * l02 * l03, l01 * l12 * l13), max(l12 * l02 * l23, l03 * l13 * l23)
    largest = max(first, second)
    if largest <= 0.0:
        return -1.0
    return float(np.sqrt(2.0 / largest) * 6.0 * measure_volume(p))


@subroutine()
def measure_volume(p: NDArray[np.float64]) -> float:
    """The volume of a tetrahedron (4, 3)."""
    a0, a1, a2 = p[1, 0] - p[0, 0], p[1, 1] - p[0, 1], p[1, 2] - p[0, 2]
    b0, b1, b2 = p[2, 0] - p[0, 0], p[2, 1] - p[0, 1], p[2, 2] - p[0, 2]
    c0, c1, c2 = p[3, 0] - p[0, 0], p[3, 1] - p[0, 1], p[3, 2] - p[0, 2]
    six = a0 * (b1 * c2 - b2 * c1) + a1 * (b2 * c0 - b0 * c2) + a2 * (b0 * c1 - b1 * c0)
    return float(six / 6.0)


@subroutine()
def measure_star(mesh: Mesh, star: NDArray[np.int32], place: NDArray[np.float64]) -> float:
    """The least scaled Jacobian of some elements."""
    worst = 1.0
    for t in star:
        place_corners(mesh, t, -1, -1, place)
        worst = min(worst, measure_quality(place))
    return worst


@subroutine()
def find_normal(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    c: NDArray[np.float64],
    per_voxel: NDArray[np.float64],
    normal: NDArray[np.float64],
) -> None:
    """Of a triangle in voxels: of length 1, or 0 of one without area."""
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        area = (b[i] - a[i]) * (c[j] - a[j]) - (b[j] - a[j]) * (c[i] - a[i])
        normal[k] = area * per_voxel[i] * per_voxel[j]
    length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
    if length > 0:
        for k in range(3):
            normal[k] /= length
