"""Meshes as meshio writes them."""

from itertools import combinations
from typing import Any

import numpy as np

from recon.core.errors import ReconError
from recon.plugins.exporters.tetrahedra.lattice import Nodes
from recon.plugins.exporters.tetrahedra.mesh import TetrahedralMesh


def import_meshio() -> Any:
    """The library; ReconError when it is not installed."""
    try:
        import meshio
    except ImportError as error:
        raise ReconError(
            "this format needs meshio; install it with pip install microrecon[mesh]"
        ) from error
    return meshio


def name_cells(elements: Nodes) -> str:
    """What meshio calls them."""
    return {3: "triangle", 4: "tetra", 6: "triangle6", 10: "tetra10"}[elements.shape[1]]


def make_cells(mesh: TetrahedralMesh) -> Any:
    """The tetrahedra with the label of their phase, `phase`, and their quality."""
    return import_meshio().Mesh(
        mesh.nodes,
        [(name_cells(mesh.tetrahedra), mesh.tetrahedra)],
        cell_data={
            "phase": [mesh.phases.astype(np.int32)],
            "scaled_jacobian": [mesh.qualities.astype(np.float32)],
        },
    )


def make_facets(mesh: TetrahedralMesh, phases: int) -> Any:
    """Interfaces and outer faces with a number `facet` each.

    1, 2, ... are the pairs of the phases in ascending order, whether they touch or not; then come
    z0, z1, y0, y1, x0, x1.
    """
    pairs = list(combinations(range(phases), 2))
    each = [*((1 + pairs.index(pair), surface) for pair, surface in mesh.interfaces.items())]
    each += [(len(pairs) + k, surface) for k, surface in enumerate(mesh.faces.values(), 1)]
    tags = np.repeat([tag for tag, _ in each], [len(triangles) for _, triangles in each])
    triangles = np.concatenate([triangles for _, triangles in each])
    return import_meshio().Mesh(
        mesh.nodes,
        [(name_cells(triangles), triangles)],
        cell_data={"facet": [tags.astype(np.int32)]},
    )
