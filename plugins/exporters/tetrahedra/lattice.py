"""Six tetrahedra a voxel (Kuhn's subdivision): conforming across voxels and across opposite faces.

Node (k, j, i) has the number i + (nx + 1) (j + (ny + 1) k), for k, j, i along z, y, x. The diagonal
of every face of a voxel leads from its lowest to its highest corner.
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

Nodes = NDArray[np.int32]
"""Numbers of the nodes of each element, one row an element."""


def count_nodes(shape: tuple[int, ...]) -> int:
    """Nodes of the lattice of a volume."""
    return int(np.prod([side + 1 for side in shape]))


def compute_strides(shape: tuple[int, ...]) -> NDArray[np.int32]:
    """What one step along z, y, x adds to the number of a node."""
    return np.array([(shape[1] + 1) * (shape[2] + 1), shape[2] + 1, 1], np.int32)


def place_nodes(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Places (z, y, x) of the nodes, in voxels."""
    sides = [side + 1 for side in shape]
    return np.indices(sides).reshape(3, -1).T.astype(np.float64)


def number_images(shape: tuple[int, ...], periodic: Sequence[bool]) -> NDArray[np.int64]:
    """(m,) for each node the least number among its images on faces of periodic axes."""
    wrap = [
        np.arange(n + 1) % n if p else np.arange(n + 1)
        for n, p in zip(shape, periodic, strict=True)
    ]
    numbers = np.arange(count_nodes(shape)).reshape([n + 1 for n in shape])
    return numbers[np.ix_(*wrap)].ravel()


def split_voxels(voxels: NDArray[np.bool_]) -> Nodes:
    """The tetrahedra (n, 4) of the voxels chosen, six a voxel, of positive volume in (x, y, z)."""
    strides = compute_strides(voxels.shape)
    lowest = (np.argwhere(voxels) @ strides).astype(np.int32)
    paths = []
    for order in permutations(range(3)):
        a, b, c, d = np.concatenate([[0], np.cumsum(strides[list(order)])])
        odd = np.linalg.det(np.eye(3)[list(order)]) < 0
        paths.append([a, b, c, d] if odd else [a, c, b, d])  # (z, y, x) is a mirror of (x, y, z)
    return np.asarray(lowest[:, None, None] + np.array(paths, np.int32)).reshape(-1, 4)


def split_faces(axis: int, faces: NDArray[np.intp], shape: tuple[int, ...]) -> Nodes:
    """The two triangles of each voxel face; their normals point along the axis.

    axis   normal to the faces: 0 = z, 1 = y, 2 = x
    faces  (n, 3) places (z, y, x) of their lowest nodes
    """
    strides = compute_strides(shape)
    one, two = (strides[(axis + 2) % 3], strides[(axis + 1) % 3])
    lowest = (faces @ strides).astype(np.int32)
    corners = np.array([[0, one, one + two], [0, one + two, two]], np.int32)
    return np.asarray(lowest[:, None, None] + corners).reshape(-1, 3)
