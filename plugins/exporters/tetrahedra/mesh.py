"""The mesh: nodes, tetrahedra by phase, interfaces by pair of phases and the six outer faces."""

from collections.abc import Sequence
from itertools import permutations

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.exporters.tetrahedra.lattice import (
    Nodes,
    count_nodes,
    number_images,
    place_nodes,
    split_faces,
    split_voxels,
)
from recon.plugins.exporters.tetrahedra.quality import measure_elements
from recon.plugins.exporters.tetrahedra.sizing import Sizing, coarsen
from recon.plugins.exporters.tetrahedra.smoothing import smooth

LEAST = 0.1
"""Scaled Jacobian that no element may fall below, where that of voxels allows it."""
DRIFT = 0.008
"""Most that the volume fraction of a phase may change by smoothing."""
SHORTER = 0.8
"""Factor on the way of nodes of an element that is too flat."""
SHORTEST = 0.05
"""A smaller share of the way is none."""


@attrs.frozen(eq=False)
class TetrahedralMesh:
    """A conforming mesh; neighbouring phases share the nodes and triangles between them.

    nodes       (m, 3) at (x, y, z), in the unit of the edges given
    numbers     (m,) of the nodes in the lattice of the voxels, ascending
    tetrahedra  (n, 4) places in `nodes`;  phases  (n,) their labels
    voxels      (n,) numbers (z, y, x) of the voxels that they were cut from
    interfaces  (a, b), a < b -> triangles (k, 3) whose normals point from a to b
    faces       outer face z0, z1, y0, ... -> triangles (k, 3) whose normals point outward
    qualities   (n,) scaled Jacobians
    """

    nodes: NDArray[np.float64]
    numbers: NDArray[np.int64]
    tetrahedra: Nodes
    phases: NDArray[np.uint8]
    voxels: NDArray[np.intp]
    interfaces: dict[tuple[int, int], Nodes]
    faces: dict[str, Nodes]
    qualities: NDArray[np.float64]


def build_mesh(
    labels: NDArray[np.uint8],
    chosen: Sequence[int],
    edges: Sequence[float],
    periodic: Sequence[bool],
    sizing: Sizing | None = None,
) -> TetrahedralMesh:
    """The mesh of the phases chosen of labels (z, y, x).

    edges     of a voxel along (x, y, z)
    periodic  axes z, y, x on whose two faces nodes are to lie alike
    sizing    of elements; otherwise all have the size of a voxel
    """
    solid = np.isin(labels, chosen)
    if sizing is not None:
        solid[:] = True  # what is left out bounds what is kept
    elements = split_voxels(solid)
    phases = np.repeat(labels[solid], 6)
    voxels = np.repeat(np.flatnonzero(solid), 6)
    moves = smooth(labels, periodic)
    scale = np.array(edges)[::-1]
    rest = place_nodes(labels.shape)
    images = number_images(labels.shape, periodic)
    nodes, qualities = _hold_quality(rest * scale, moves * scale, elements, phases, images)
    shape = labels.shape
    interfaces, faces = _find_triangles(labels, chosen)
    if sizing is not None:
        least = min(LEAST, float(qualities.min()))
        moved, elements, left, target = coarsen(
            _mirror(nodes), elements, labels, edges, periodic, sizing, least, DRIFT
        )
        nodes = _mirror(moved)
        kept = np.isin(phases[left], chosen)
        elements, phases, voxels = elements[kept], phases[left][kept], voxels[left][kept]
        qualities = measure_elements(_mirror(nodes), elements)[1]
        interfaces = {pair: _follow(target, each) for pair, each in interfaces.items()}
        faces = {name: _follow(target, each) for name, each in faces.items()}
    numbers = np.flatnonzero(np.bincount(elements.ravel(), minlength=count_nodes(shape)))
    place = np.full(count_nodes(shape), -1, np.int32)
    place[numbers] = np.arange(len(numbers))
    return TetrahedralMesh(
        nodes[numbers][:, ::-1],
        numbers,
        place[elements],
        phases,
        voxels,
        {pair: place[triangles] for pair, triangles in interfaces.items()},
        {name: place[triangles] for name, triangles in faces.items()},
        qualities,
    )


def _hold_quality(
    rest: NDArray[np.float64],
    moves: NDArray[np.float64],
    elements: Nodes,
    phases: NDArray[np.uint8],
    images: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes (z, y, x) moved as far as no element gets flat and no phase grows; the qualities.

    images  (m,) the same number for all nodes that move alike
    """
    volumes, qualities = measure_elements(_mirror(rest), elements)
    least = min(LEAST, 0.5 * float(qualities.min()))
    before = np.bincount(phases, volumes)
    share = np.ones(len(rest))
    while True:
        nodes = rest + share[:, None] * moves
        volumes, qualities = measure_elements(_mirror(nodes), elements)
        flat = qualities < least
        drift = np.abs(np.bincount(phases, volumes) - before).max()
        if flat.any():
            share[np.unique(elements[flat])] *= SHORTER
        elif drift > DRIFT * before.sum():
            share *= SHORTER
        else:
            return nodes, qualities
        share[share < SHORTEST] = 0.0
        together = np.ones(len(rest))
        np.minimum.at(together, images, share)
        share = together[images]


def _follow(target: NDArray[np.int32], triangles: Nodes) -> Nodes:
    """The triangles that are left when each node has gone to its target."""
    moved = target[triangles]
    a, b, c = moved.T
    return np.asarray(moved[(a != b) & (b != c) & (c != a)])


def _mirror(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(x, y, z) of (z, y, x)."""
    return np.ascontiguousarray(places[:, ::-1])


def _find_triangles(
    labels: NDArray[np.uint8], chosen: Sequence[int]
) -> tuple[dict[tuple[int, int], Nodes], dict[str, Nodes]]:
    """Interfaces by pair of phases, at least one of them chosen, and outer faces."""
    parts: dict[tuple[int, int], list[Nodes]] = {}
    faces: dict[str, Nodes] = {}
    for axis, name in enumerate("zyx"):
        step = np.eye(3, dtype=np.intp)[axis]
        below, above = np.moveaxis(labels, axis, 0)[:-1], np.moveaxis(labels, axis, 0)[1:]
        for a, b in permutations(np.unique(labels).tolist(), 2):
            if a in chosen or b in chosen:
                places = np.argwhere(np.moveaxis((below == a) & (above == b), 0, axis)) + step
                triangles = split_faces(axis, places, labels.shape)
                pair = (a, b) if a < b else (b, a)
                parts.setdefault(pair, []).append(triangles if a < b else triangles[:, ::-1])
        for end in (0, 1):
            layer = np.isin(np.take(labels, [-end], axis), chosen)
            places = np.argwhere(layer) + end * labels.shape[axis] * step
            triangles = split_faces(axis, places, labels.shape)
            faces[f"{name}{end}"] = triangles if end else triangles[:, ::-1]
    interfaces = {pair: np.concatenate(each) for pair, each in sorted(parts.items())}
    return {pair: shared for pair, shared in interfaces.items() if len(shared)}, faces
