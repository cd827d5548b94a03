"""Elements of a size by phase and by the distance from interfaces: a fine mesh, coarsened."""

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from recon.plugins.exporters.tetrahedra.collapse import Limits, Places, collapse_edges
from recon.plugins.exporters.tetrahedra.geometry import Mesh
from recon.plugins.exporters.tetrahedra.lattice import Nodes
from recon.plugins.exporters.tetrahedra.quality import measure_elements
from recon.plugins.exporters.tetrahedra.relaxing import relax

LONGEST = 2.0
"""Length of the longest edge of an element by its size; of a voxel's, sqrt(3)."""
TURN = 0.8
"""Cosine of the most that a triangle of an interface may turn at once."""
TOLERANCE = 0.3
"""Voxels that interfaces may leave their place."""
QUALITIES = (0.3, 0.2, 0.15)
"""Scaled Jacobians that new elements must have in the passes of each doubling of the size, where
those that they replace have it; the better first."""
MOST = 62
"""Phases that the bits of an integer hold."""


@attrs.frozen
class Sizing:
    """How large elements are to be, in edges of voxels.

    phases    label -> the most inside that phase
    surface   on interfaces; 1 keeps them as they are
    grading   by how much they grow with each voxel of distance from an interface
    """

    phases: dict[int, float]
    surface: float = 1.0
    grading: float = 0.5


def coarsen(
    nodes: NDArray[np.float64],
    elements: Nodes,
    labels: NDArray[np.uint8],
    edges: Sequence[float],
    periodic: Sequence[bool],
    sizing: Sizing,
    least: float,
    drift: float,
) -> tuple[NDArray[np.float64], Nodes, NDArray[np.intp], NDArray[np.int32]]:
    """Nodes; the elements that are left, and which they were; the node that each node went to.

    nodes     (m, 3) of the lattice at (x, y, z);  elements  of all voxels, six each
    edges     of a voxel along (x, y, z)
    periodic  axes z, y, x whose two faces keep their nodes
    least     scaled Jacobian that no element may fall below
    drift     most that the volume of a phase may differ from that of its voxels, of the whole
    """
    found, inverse = np.unique(labels, return_inverse=True)
    compact = np.asarray(inverse).reshape(labels.shape).astype(np.uint8)
    kinds, simple = _classify(compact)
    faces = _mark_faces(labels.shape)
    wanted = _choose_sizes(kinds, found, sizing, labels.shape)
    single = (kinds & (kinds - 1)) == 0
    free = (single | simple) & (wanted > 1)
    for axis, wraps in enumerate(periodic):
        if wraps:
            free &= (faces >> (2 * axis)) & 3 == 0
    phases = np.repeat(compact.ravel(), 6)
    now = np.bincount(phases, measure_elements(nodes, elements)[0], len(found))
    voxel = float(np.prod(edges))
    gain = now - np.bincount(compact.ravel(), minlength=len(found)) * voxel
    allowed = drift * labels.size * voxel
    spare = np.maximum(np.stack([allowed + gain, allowed - gain], 1), 0.0)
    movable = (single & (faces == 0) & (wanted > 1)).astype(np.uint8)
    head, after = _list_corners(elements, len(nodes))
    mesh = Mesh(
        *(nodes.copy(), elements.copy(), phases, 1.0 / np.array(edges, float)),
        target=np.arange(len(nodes), dtype=np.int32),
        head=head,
        after=after,
        alive=np.ones(len(elements), np.uint8),
    )
    error, marks = np.zeros(len(nodes)), np.zeros((3, len(nodes)), np.int64)
    lattice = np.stack(np.unravel_index(np.arange(len(nodes)), [n + 1 for n in labels.shape]), 1)
    size, level = 1.0, 0
    while size < wanted.max():
        size *= 2
        odd = ((lattice >> level) & 1).sum(1)
        order = np.argsort(-odd, kind="stable")
        longest = LONGEST * np.minimum(wanted, size)
        places = Places(kinds, faces, free.astype(np.uint8), longest, error, marks)
        for quality in QUALITIES:
            marks[:] = 0
            collapse_edges(mesh, places, Limits(least, quality, TURN, TOLERANCE, spare), order)
            relax(mesh, movable)
        level += 1
    target = mesh.target
    while (target[target] != target).any():
        target = target[target]
    left = np.flatnonzero(mesh.alive)
    return mesh.nodes, mesh.elements[left], left, target


def _classify(labels: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The phases around each node as bits, and whether it is a plain point of one interface."""
    around = np.pad(labels, 1, mode="edge")
    sides = [n + 1 for n in labels.shape]
    octants = [
        around[tuple(slice(k, k + n) for k, n in zip(step, sides, strict=True))].ravel()
        for step in np.ndindex(2, 2, 2)
    ]
    kinds = np.zeros(len(octants[0]), np.int64)
    for octant in octants:
        kinds |= np.int64(1) << octant.astype(np.int64)
    rest = kinds & (kinds - 1)
    pair = (rest != 0) & (rest & (rest - 1) == 0)
    pattern = np.zeros(len(kinds), np.uint8)
    for k, octant in enumerate(octants):
        pattern |= ((octant != octants[0]) << k).astype(np.uint8)
    return kinds, pair & _list_plain()[pattern]


def _list_plain() -> NDArray[np.bool_]:
    """(256,) whether both phases of eight octants, by bits, are connected by faces."""
    plain = np.zeros(256, bool)
    for pattern in range(1, 255):
        cube = ((pattern >> np.arange(8)) & 1).reshape(2, 2, 2)
        plain[pattern] = ndimage.label(cube)[1] == 1 and ndimage.label(1 - cube)[1] == 1
    return plain


def _mark_faces(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Bits of the outer faces z0, z1, y0, ... that each node lies on."""
    faces = np.zeros([n + 1 for n in shape], np.uint8)
    for axis in range(3):
        view = np.moveaxis(faces, axis, 0)
        view[0] |= 1 << (2 * axis)
        view[-1] |= 2 << (2 * axis)
    return faces.ravel()


def _choose_sizes(
    kinds: NDArray[np.int64], found: NDArray[np.uint8], sizing: Sizing, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """(m,) the size wanted at each node: the least of its phases, less near interfaces."""
    most = np.full(len(kinds), np.inf)
    for bit, label in enumerate(found.tolist()):
        here = (kinds >> bit) & 1 == 1
        most[here] = np.minimum(most[here], sizing.phases.get(label, sizing.surface))
    single = ((kinds & (kinds - 1)) == 0).reshape([n + 1 for n in shape])
    if single.all():
        return np.asarray(np.maximum(most, sizing.surface))
    distance = ndimage.distance_transform_edt(single).ravel()
    most = np.minimum(most, sizing.surface + sizing.grading * distance)
    return np.asarray(np.maximum(most, sizing.surface))


def _list_corners(elements: Nodes, nodes: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each node the first of its corners in elements, for each corner the next; -1 ends."""
    flat = elements.ravel()
    order = np.argsort(flat, kind="stable").astype(np.int32)
    same = flat[order[1:]] == flat[order[:-1]]
    after = np.full(len(flat), -1, np.int32)
    after[order[:-1][same]] = order[1:][same]
    head = np.full(nodes, -1, np.int32)
    starts = order[np.append(True, ~same)]
    head[flat[starts]] = starts
    return head, after
