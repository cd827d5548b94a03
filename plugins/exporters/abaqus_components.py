"""Element and node sets of the connected components of phases in an Abaqus input file."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from recon.plugins.exporters.abaqus_mesh import CORNERS, format_list
from recon.plugins.exporters.tetrahedra.mesh import TetrahedralMesh


def format_components(
    labels: NDArray[np.uint8],
    solid: Sequence[int],
    names: dict[int, str],
    mesh: TetrahedralMesh | None,
) -> Iterator[str]:
    """Sets PHASE_X_1, PHASE_X_2, ... of elements and of their nodes, the largest component first.

    solid  labels with elements
    names  sets of the phases that are taken apart; voxels are connected by their faces
    mesh   None for hexahedra
    """
    for label, name in names.items():
        components, count = ndimage.label(labels == label)
        parts = components.ravel()
        order = np.argsort(-np.bincount(parts)[1:], kind="stable") + 1
        voxels = np.argsort(parts, kind="stable")
        ends = np.searchsorted(parts[voxels], np.arange(1, count + 2))
        first = np.cumsum(np.isin(labels, solid).ravel()) - 1 if mesh is not None else None
        for number, part in enumerate(order, 1):
            chosen = voxels[ends[part - 1] : ends[part]]
            if mesh is None or first is None:
                elements, nodes = chosen, _find_corners(chosen, labels.shape)
            else:  # six tetrahedra a voxel, in the order of the voxels
                elements = (6 * first[chosen][:, None] + np.arange(6)).ravel()
                nodes = mesh.numbers[np.unique(mesh.tetrahedra[elements])]
            yield f"*ELSET, ELSET={name}_{number}\n{format_list(elements + 1)}"
            yield f"*NSET, NSET={name}_{number}\n{format_list(nodes + 1)}"


def _find_corners(voxels: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Numbers, from 0, of the nodes of voxels."""
    sides = [side + 1 for side in shape]
    place = np.stack(np.unravel_index(voxels, shape))
    corners = [np.array([z, y, x]) for z in (0, 1) for _, y, x in CORNERS]
    numbers = [np.ravel_multi_index(tuple(place + one[:, None]), sides) for one in corners]
    return np.asarray(np.unique(numbers))
