"""Nodes, elements and sets of a tetrahedral mesh in an Abaqus input file.

Nodes have the numbers that they have in a mesh of hexahedra, so that sets of the boundary and
periodic equations are the same.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from recon.plugins.exporters.abaqus_mesh import format_list
from recon.plugins.exporters.tetrahedra.mesh import TetrahedralMesh

LINES = 100_000
"""Lines of a piece of text."""


def format_nodes(mesh: TetrahedralMesh) -> Iterator[str]:
    """Data lines of *NODE."""
    for first in range(0, len(mesh.nodes), LINES):
        part = slice(first, first + LINES)
        rows = zip((mesh.numbers[part] + 1).tolist(), *mesh.nodes[part].T.tolist(), strict=True)
        yield "".join(f"{n}, {x:.10g}, {y:.10g}, {z:.10g}\n" for n, x, y, z in rows)


def format_elements(mesh: TetrahedralMesh, label: int) -> Iterator[str]:
    """Data lines of *ELEMENT of one phase."""
    chosen = np.flatnonzero(mesh.phases == label)
    for first in range(0, len(chosen), LINES):
        part = chosen[first : first + LINES]
        rows = np.column_stack([part, mesh.numbers[mesh.tetrahedra[part]]]) + 1
        yield ("%d, %d, %d, %d, %d\n" * len(rows)) % tuple(rows.ravel().tolist())


def format_interfaces(mesh: TetrahedralMesh, names: Mapping[int, str]) -> Iterator[str]:
    """Node sets INTERFACE_A_B of each pair of phases."""
    for pair, triangles in mesh.interfaces.items():
        found = mesh.numbers[np.unique(triangles)] + 1
        both = "_".join(names.get(label, str(label)).removeprefix("PHASE_") for label in pair)
        yield f"*NSET, NSET=INTERFACE_{both}\n{format_list(found)}"
