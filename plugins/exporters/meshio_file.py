"""Meshes as meshio writes them."""

from typing import Any

import numpy as np

from recon.core.errors import ReconError
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


def make_cells(mesh: TetrahedralMesh) -> Any:
    """The tetrahedra with the label of their phase, `phase`, and their quality."""
    return import_meshio().Mesh(
        mesh.nodes,
        [("tetra", mesh.tetrahedra)],
        cell_data={
            "phase": [mesh.phases.astype(np.int32)],
            "scaled_jacobian": [mesh.qualities.astype(np.float32)],
        },
    )


def make_facets(mesh: TetrahedralMesh) -> Any:
    """Interfaces and outer faces with a number `facet` each, in the order of the mesh."""
    each = [*mesh.interfaces.values(), *mesh.faces.values()]
    tags = np.repeat(np.arange(1, len(each) + 1), [len(triangles) for triangles in each])
    return import_meshio().Mesh(
        mesh.nodes,
        [("triangle", np.concatenate(each))],
        cell_data={"facet": [tags.astype(np.int32)]},
    )
