"""Element and node sets of the connected components of phases in an Abaqus input file."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from recon.plugins.exporters.abaqus_mesh import CORNERS, format_list
from recon.plugins.exporters.tetrahedra.mesh import TetrahedralMesh


def format_components(
    labels: NDArray[np.uint8],
    names: dict[int, str],
    mesh: TetrahedralMesh | None,
) -> Iterator[str]:
    """Sets PHASE_X_1, PHASE_X_2, ... of elements and of their nodes, the largest component first.

    names  sets of the phases that are taken apart; voxels are connected by their faces
    mesh   None for hexahedra
    """
    for label, name in names.items():
        components, count = ndimage.label(labels == label)
        parts = components.ravel()
        order = np.argsort(-np.bincount(parts)[1:], kind="stable") + 1
        voxels = np.argsort(parts, kind="stable")
        ends = np.searchsorted(parts[voxels], np.arange(1, count + 2))
        if mesh is not None:
            owners = parts[mesh.voxels]
            tetrahedra = np.argsort(owners, kind="stable")
            bounds = np.searchsorted(owners[tetrahedra], np.arange(1, count + 2))
        for number, part in enumerate(order, 1):
            chosen = voxels[ends[part - 1] : ends[part]]
            if mesh is None:
                elements, nodes = chosen, _find_corners(chosen, labels.shape)
            else:
                elements = tetrahedra[bounds[part - 1] : bounds[part]]
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
