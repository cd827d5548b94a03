"""Gmsh MSH 4.1, binary.

https://gmsh.info/doc/texinfo/gmsh.html#MSH-file-format
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.volume import Volume
from recon.plugins.exporters.phases import restrict_names
from recon.plugins.exporters.tetrahedra.mesh import TetrahedralMesh
from recon.plugins.exporters.tetrahedral import TetrahedralExporter

KINDS = {(2, 3): 2, (3, 4): 4, (2, 6): 9, (3, 10): 11}
"""Dimension and nodes of an element -> its type in the format."""
ORDER = (0, 1, 2, 3, 4, 5, 6, 7, 9, 8)
"""Places of the nodes of a tetrahedron of second order in the format."""


@attrs.frozen
class Part:
    """A group of elements with a name: a phase (dimension 3), an interface or a face (2)."""

    dimension: int
    tag: int
    name: str
    elements: NDArray[np.int32]


@attrs.frozen
class Msh(TetrahedralExporter):
    """Gmsh 4.1, tetrahedra; physical groups of phases, interfaces, faces.

    Physical volumes are the phases (tag: label + 1). Physical surfaces are the outer faces x0, x1,
    y0, ... and the interfaces. An interface is named A-B after its phases, and its normals point
    from A to B. Gmsh and meshio open the file.
    """

    name = "msh"
    suffixes = (".msh",)

    def write(self, volume: Volume, path: Path) -> None:
        mesh = self.mesh(volume)
        with path.open("wb") as file:
            _write(file, mesh, list_parts(mesh, volume.phases))


def list_parts(mesh: TetrahedralMesh, phases: tuple[str, ...]) -> list[Part]:
    """Phases, then interfaces and outer faces, each with a tag of its own dimension."""
    names = restrict_names(phases, "A-Za-z0-9_")
    parts = [
        Part(3, int(label) + 1, names[label], mesh.tetrahedra[mesh.phases == label])
        for label in np.unique(mesh.phases)
    ]
    surfaces = {f"{names[a]}-{names[b]}": each for (a, b), each in mesh.interfaces.items()}
    for number, (name, triangles) in enumerate((surfaces | mesh.faces).items(), 1):
        if len(triangles):
            parts.append(Part(2, number, name, triangles))
    return parts


def _write(file: BinaryIO, mesh: TetrahedralMesh, parts: list[Part]) -> None:
    file.write(b"$MeshFormat\n4.1 1 8\n" + np.int32(1).tobytes() + b"\n$EndMeshFormat\n")
    names = "".join(f'{part.dimension} {part.tag} "{part.name}"\n' for part in parts)
    file.write(f"$PhysicalNames\n{len(parts)}\n{names}$EndPhysicalNames\n".encode())
    for section, content in (
        ("Entities", _list_entities(mesh, parts)),
        ("Nodes", _list_nodes(mesh)),
        ("Elements", _list_elements(parts)),
    ):
        file.write(f"${section}\n".encode())
        file.writelines(content)
        file.write(f"\n$End{section}\n".encode())


def _list_entities(mesh: TetrahedralMesh, parts: list[Part]) -> Iterator[bytes]:
    """One entity a part, of its tag and in the physical group of its tag; no points, no curves."""
    box = np.concatenate([mesh.nodes.min(0), mesh.nodes.max(0)])
    yield _sizes(0, 0, *(sum(part.dimension == d for part in parts) for d in (2, 3)))
    for dimension in (2, 3):
        for part in parts:
            if part.dimension == dimension:
                yield _integers(part.tag) + box.tobytes() + _sizes(1) + _integers(part.tag)
                yield _sizes(0)


def _list_nodes(mesh: TetrahedralMesh) -> Iterator[bytes]:
    """All of them in the first phase's entity."""
    count = len(mesh.nodes)
    yield _sizes(1, count, 1, count) + _integers(3, int(mesh.phases.min()) + 1, 0) + _sizes(count)
    yield np.arange(1, count + 1, dtype="<u8").tobytes()
    yield mesh.nodes.astype("<f8").tobytes()


def _list_elements(parts: list[Part]) -> Iterator[bytes]:
    count = sum(len(part.elements) for part in parts)
    yield _sizes(len(parts), count, 1, count)
    first = 1
    for part in parts:
        nodes = part.elements.shape[1]
        kind = KINDS[part.dimension, nodes]
        yield _integers(part.dimension, part.tag, kind) + _sizes(len(part.elements))
        rows = np.empty((len(part.elements), nodes + 1), "<u8")
        rows[:, 0] = np.arange(first, first + len(rows))
        rows[:, 1:] = part.elements[:, ORDER[:nodes]] + 1
        yield rows.tobytes()
        first += len(rows)


def _sizes(*values: int) -> bytes:
    return np.array(values, "<u8").tobytes()


def _integers(*values: int) -> bytes:
    return np.array(values, "<i4").tobytes()
