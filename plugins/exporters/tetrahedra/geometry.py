"""Quality, volume, normals and corners of elements, in kernels."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import subroutine


@subroutine()
def holds(elements: NDArray[np.int32], t: int, node: int) -> bool:
    """Whether a node is a corner of an element."""
    return bool(
        elements[t, 0] == node
        or elements[t, 1] == node
        or elements[t, 2] == node
        or elements[t, 3] == node
    )


@subroutine()
def place_corners(
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    t: int,
    u: int,
    v: int,
    place: NDArray[np.float64],
) -> None:
    """The corners (4, 3) of an element, u where v is."""
    for k in range(4):
        w = v if elements[t, k] == u else elements[t, k]
        for a in range(3):
            place[k, a] = nodes[w, a]


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
def measure_star(
    nodes: NDArray[np.float64],
    elements: NDArray[np.int32],
    star: NDArray[np.int32],
    count: int,
    place: NDArray[np.float64],
) -> float:
    """The least scaled Jacobian of some elements."""
    worst = 1.0
    for s in range(count):
        place_corners(nodes, elements, star[s], -1, -1, place)
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
