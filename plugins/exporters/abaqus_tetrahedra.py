"""Nodes, elements and sets of a tetrahedral mesh in an Abaqus input file.

Nodes have the numbers that they have in a mesh of hexahedra (of half voxels, when elements are of
second order), so that sets of the boundary and periodic equations are the same.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from recon.plugins.exporters.abaqus_mesh import format_list
from recon.plugins.exporters.tetrahedra.mesh import TetrahedralMesh
from recon.plugins.exporters.tetrahedra.sides import list_triangles

LINES = 100_000
"""Lines of a text."""


def format_nodes(mesh: TetrahedralMesh) -> Iterator[str]:
    """Data lines of *NODE."""
    for first in range(0, len(mesh.nodes), LINES):
        part = slice(first, first + LINES)
        rows = zip((mesh.numbers[part] + 1).tolist(), *mesh.nodes[part].T.tolist(), strict=True)
        yield "".join(f"{n}, {x:.10g}, {y:.10g}, {z:.10g}\n" for n, x, y, z in rows)


def format_elements(mesh: TetrahedralMesh, label: int) -> Iterator[str]:
    """Data lines of *ELEMENT of one phase."""
    chosen = np.flatnonzero(mesh.phases == label)
    line = ", ".join(["%d"] * (1 + mesh.tetrahedra.shape[1])) + "\n"
    for first in range(0, len(chosen), LINES):
        part = chosen[first : first + LINES]
        rows = np.column_stack([part, mesh.numbers[mesh.tetrahedra[part]]]) + 1
        yield (line * len(rows)) % tuple(rows.ravel().tolist())


def format_surfaces(mesh: TetrahedralMesh, names: Mapping[int, str]) -> Iterator[str]:
    """Of each pair of phases the node set INTERFACE_A_B, and surfaces of it and of outer faces.

    SURFACE_A_B is made of sides of the elements of A, or of B where A is left out.
    """
    surfaces = {}
    for pair, triangles in mesh.interfaces.items():
        nodes = mesh.numbers[np.unique(triangles)] + 1
        both = "_".join(names.get(label, str(label)).removeprefix("PHASE_") for label in pair)
        surfaces[both] = triangles
        yield f"*NSET, NSET=INTERFACE_{both}\n{format_list(nodes)}"
    firsts = [a if a in names else b for a, b in mesh.interfaces]
    surfaces |= {name.upper(): triangles for name, triangles in mesh.faces.items()}
    on = np.zeros(len(mesh.nodes), bool)
    for triangles in surfaces.values():
        on[triangles] = True
    beside = np.flatnonzero(on[mesh.tetrahedra[:, :4]].sum(1) >= 3)
    listed = list_triangles(mesh.tetrahedra[beside], list(surfaces.values()))
    for place, name in enumerate(surfaces):
        here = listed.surface == place
        elements, sides = beside[listed.elements[here]], listed.sides[here]
        column = np.zeros(len(elements), int)
        if place < len(firsts):
            column = (mesh.phases[elements[:, 0]] != firsts[place]).astype(int)
        rows = np.arange(len(elements))
        pairs = np.stack([elements[rows, column], sides[rows, column]], 1) + 1
        if len(pairs):
            yield f"*SURFACE, NAME=SURFACE_{name}, TYPE=ELEMENT\n"
            yield ("%d, S%d\n" * len(pairs)) % tuple(pairs.ravel().tolist())
