"""What each arrangement of 2 x 2 pixels (16,) or 2 x 2 x 2 voxels (256,) adds to a functional.

The mean over all places of a sample is a density. A cell of the lattice (edge, square, cube) that
several places share counts in each of them with its part.
"""

from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
SQUARE = list(product((0, 1), repeat=2))
CUBE = list(product((0, 1), repeat=3))
FLATTEST = 1e3
"""Ratio of edges beyond which the parts of the sphere are taken as they are there: they are not
found of directions that are almost one."""
HALF = [v for v in product((-1, 0, 1), repeat=3) if v > (0, 0, 0)]
"""The 13 directions of a lattice, one of each pair of opposite ones; as Miller indices, the
normals of its 13 planes."""


def perimeter(edges: tuple[float, float]) -> Weights:
    """Length of the boundary per area: pi / 2 changes of phase per length of line."""
    steps = [v for v in product((-1, 0, 1), repeat=2) if v > (0, 0)]
    parts = circle_parts([np.multiply(v, edges) for v in steps])
    return _crossings(SQUARE, steps, edges, np.pi / 2 * parts)


def surface(edges: tuple[float, float, float]) -> Weights:
    """Area of the boundary per volume: 2 changes of phase per length of line.

    edges  of a voxel along (z, y, x), the shortest 1
    """
    parts = sphere_parts([np.multiply(v, np.minimum(edges, FLATTEST)) for v in HALF])
    return _crossings(CUBE, HALF, edges, 2 * parts)


def _crossings(
    corners: list[tuple[int, ...]],
    steps: list[tuple[int, ...]],
    edges: tuple[float, ...],
    parts: NDArray[np.float64],
) -> Weights:
    """Changes of phase per length along each direction, weighed and summed."""
    weights = np.zeros(1 << len(corners))
    member = _members(len(corners))
    for step, part in zip(steps, parts, strict=True):
        pairs = [
            (i, j)
            for (i, a), (j, b) in product(enumerate(corners), repeat=2)
            if tuple(np.subtract(b, a)) == step
        ]
        changes = np.mean([member[i] != member[j] for i, j in pairs], axis=0)
        weights += part * changes / np.linalg.norm(np.multiply(step, edges))
    return weights


def euler_number_2d(edges: tuple[float, float]) -> Weights:
    """Components minus holes per area, phase connected through edges of pixels."""
    return _of_polygon(_members(4), [0, 1, 3, 2]) / np.prod(edges)


def euler_number_3d(edges: tuple[float, float, float]) -> Weights:
    """Components minus tunnels plus cavities per volume, phase connected through faces.

    Vertices minus edges plus squares minus cubes of the lattice of voxel centres; a vertex is in 8
    places, an edge in 4, a square in 2.
    """
    member = _members(8)
    total = member.sum(0) / 8 - member.all(0)
    for i, j in combinations(range(8), 2):
        if (i ^ j).bit_count() == 1:
            total = total - (member[i] & member[j]) / 4
    for axis, side in product(range(3), (0, 1)):
        square = [member[i] for i in range(8) if CUBE[i][axis] == side]
        total = total + np.all(square, axis=0) / 2
    return np.asarray(total / np.prod(edges))


def mean_curvature(edges: tuple[float, float, float]) -> Weights:
    """Integral of mean curvature per volume: 2 pi Euler numbers per area of plane section.

    Sections along coordinate planes are lattices of squares, along their diagonals of rectangles,
    along the planes normal to a space diagonal of triangles.
    """
    parts = sphere_parts([np.divide(v, np.minimum(edges, FLATTEST)) for v in HALF])
    member = _members(8)
    weights = np.zeros(256)
    for normal, part in zip(HALF, parts, strict=True):
        cells = [_around(normal, level) for level in range(-3, 4)]
        cells = [cell for cell in cells if len(cell) > 2]
        corner, one, other = (np.multiply(CUBE[i], edges) for i in cells[0][:3])
        triangle = np.linalg.norm(np.cross(one - corner, other - corner)) / 2
        area = triangle * (len(cells[0]) - 2)
        number = np.mean([_of_polygon(member, cell) for cell in cells], axis=0)
        weights += 2 * np.pi * part * number / area
    return weights


def _around(normal: tuple[int, ...], level: int) -> list[int]:
    """Corners of the cube in a plane, in the order in which they go around."""
    inside = [i for i in range(8) if np.dot(normal, CUBE[i]) == level]
    if len(inside) < 4:
        return inside
    first, *rest = inside
    rest.sort(key=lambda i: np.square(np.subtract(CUBE[i], CUBE[first])).sum())
    return [first, rest[0], rest[2], rest[1]]  # the last is the farthest, opposite to the first


def _of_polygon(member: NDArray[np.bool_], corners: list[int]) -> Weights:
    """Vertices minus edges plus faces of one triangle or quadrangle of a plane lattice.

    corners  in the order in which they go around

    4 quadrangles or 6 triangles share a vertex, two of either an edge.
    """
    ring = [member[i] for i in corners]
    edges = sum(np.asarray(a & b, float) for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
    shared = {3: 6, 4: 4}[len(ring)]
    return np.asarray(np.sum(ring, axis=0) / shared - edges / 2 + np.all(ring, axis=0))


def _members(corners: int) -> NDArray[np.bool_]:
    """Whether corner i is of the phase (corners, arrangements)."""
    arrangements = np.arange(1 << corners)
    return (arrangements >> np.arange(corners)[:, None] & 1).astype(bool)


def circle_parts(directions: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Part of half a turn that is nearer to each direction than to the others; their sum is 1."""
    angles = np.array([np.arctan2(v[0], v[1]) % np.pi for v in directions])
    order = np.argsort(angles)
    gaps = np.diff(angles[order], append=angles[order[0]] + np.pi)
    parts = np.empty(len(angles))
    parts[order] = (gaps + np.roll(gaps, 1)) / (2 * np.pi)
    return parts


def sphere_parts(directions: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Part of the sphere that is nearest to each direction or its opposite; their sum is 1."""
    from scipy.spatial import SphericalVoronoi

    points = np.array([v / np.linalg.norm(v) for v in directions])
    areas = SphericalVoronoi(np.concatenate([points, -points])).calculate_areas()
    return np.asarray(areas.reshape(2, -1).sum(0) / (4 * np.pi))
