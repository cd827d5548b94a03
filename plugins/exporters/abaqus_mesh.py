"""Nodes, elements and node sets of an Abaqus input file.

Node (k, j, i) is number 1 + i + (nx + 1) (j + (ny + 1) k), voxel (k, j, i) is element
1 + i + nx (j + ny k), for k, j, i along z, y, x.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

AXES = ("Z", "Y", "X")
CORNERS = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0))
"""Nodes (z, y, x) of the lower side of a hexahedron, counterclockwise seen from above."""


def mark_nodes(labels: NDArray[np.uint8], chosen: Sequence[int]) -> NDArray[np.bool_]:
    """(nz + 1, ny + 1, nx + 1) whether a node belongs to an element of the chosen labels."""
    solid = np.isin(labels, chosen)
    used = np.zeros([side + 1 for side in labels.shape], bool)
    for corner in product((0, 1), repeat=3):
        used[tuple(slice(c, c + n) for c, n in zip(corner, labels.shape, strict=True))] |= solid
    return used


def format_nodes(used: NDArray[np.bool_], edges: tuple[float, float, float]) -> Iterator[str]:
    """Data lines of *NODE, one layer of z at a time."""
    depth, height, width = used.shape
    xs, ys, zs = (
        [f"{k * edge:.10g}" for k in range(side)]
        for side, edge in zip((width, height, depth), edges, strict=True)
    )
    for k, layer in enumerate(used):
        first = 1 + width * height * k
        rows = zip(*(place.tolist() for place in layer.nonzero()), strict=True)
        yield "".join(f"{first + j * width + i}, {xs[i]}, {ys[j]}, {zs[k]}\n" for j, i in rows)


def format_elements(labels: NDArray[np.uint8], label: int) -> Iterator[str]:
    """Data lines of *ELEMENT of one phase, one layer of z at a time."""
    _, height, width = labels.shape
    row, sheet = width + 1, (width + 1) * (height + 1)
    lower = np.array([y * row + x for _, y, x in CORNERS])
    corners = np.concatenate([[0], lower, lower + sheet])
    for k, layer in enumerate(labels):
        j, i = (layer == label).nonzero()
        numbers = np.add.outer(1 + i + row * j + sheet * k, corners)
        numbers[:, 0] = 1 + i + width * (j + height * k)
        yield ("%d, %d, %d, %d, %d, %d, %d, %d, %d\n" * len(i)) % tuple(numbers.ravel().tolist())


def format_boundary_sets(used: NDArray[np.bool_]) -> Iterator[str]:
    """Node sets FACE_X0, FACE_X1, ..., EDGE_X0_Y0, ..., CORNER_X0_Y0_Z0, ...

    A face holds its edges and corners, an edge its corners. Sets without a node are left out.
    """
    numbers = np.arange(1, used.size + 1).reshape(used.shape)
    for kind, count in (("FACE", 1), ("EDGE", 2), ("CORNER", 3)):
        for ends in product((None, 0, 1), repeat=3):
            if sum(end is not None for end in ends) != count:
                continue
            there = tuple(slice(None) if end is None else -end for end in ends)
            nodes = np.atleast_1d(numbers[there])[np.atleast_1d(used[there])]
            name = "_".join(
                f"{axis}{end}"
                for axis, end in reversed(list(zip(AXES, ends, strict=True)))
                if end is not None
            )
            if len(nodes):
                yield f"*NSET, NSET={kind}_{name}\n{format_list(nodes)}"


def format_list(numbers: NDArray[np.int_]) -> str:
    """Numbers of a set, sixteen a line, as many as Abaqus takes."""
    text = list(map(str, numbers.tolist()))
    return "".join(", ".join(text[k : k + 16]) + "\n" for k in range(0, len(text), 16))
