"""OpenFOAM's polyMesh, binary.

https://www.openfoam.com/documentation/user-guide/4-mesh-generation-and-conversion
"""

from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.volume import Volume
from recon.core.options import option
from recon.plugins.exporters.lengths import UNIT, UNITS
from recon.plugins.exporters.phases import restrict_names
from recon.plugins.exporters.tetrahedra.mesh import TetrahedralMesh
from recon.plugins.exporters.tetrahedra.sides import NONE, list_triangles
from recon.plugins.exporters.tetrahedral import TetrahedralExporter

HEADER = """FoamFile
{{
    version 2.0;
    format {format};
    class {kind};
    arch "LSB;label=32;scalar=64";
    location "constant/polyMesh";
    object {name};
{note}}}
"""


@attrs.frozen
class Foam(TetrahedralExporter):
    """OpenFOAM: constant/polyMesh beside OUT.foam; a cell zone for each phase.

    Patches are the outer faces x0, x1, y0, ... and walls A-B at the interfaces with omitted phases.
    `splitMeshRegions -cellZonesOnly` makes a region of each phase. ParaView opens OUT.foam.
    """

    name = "foam"
    suffixes = (".foam",)
    unit: str = option("m", UNIT, choices=UNITS)
    order: int = option(1, "Order of the elements; there is no other in polyMesh.", choices=(1,))

    def name_files(self, path: Path) -> tuple[Path, ...]:
        return (path, path.with_name("constant"))

    def write(self, volume: Volume, path: Path) -> None:
        path.write_text("constant/polyMesh\n", encoding="ascii")  # which no reader looks at
        folder = path.with_name("constant") / "polyMesh"
        folder.mkdir(parents=True)
        _write_mesh(folder, self.mesh(volume), restrict_names(volume.phases, "A-Za-z0-9_"))


def _write_mesh(folder: Path, mesh: TetrahedralMesh, names: tuple[str, ...]) -> None:
    """Inner triangles by owner and neighbour, then those of each patch."""
    walls = {f"{names[a]}-{names[b]}": each for (a, b), each in mesh.interfaces.items()}
    surfaces = walls | mesh.faces
    triangles = list_triangles(mesh.tetrahedra, list(surfaces.values()))
    owner, neighbour = triangles.elements.T
    outer = neighbour == NONE
    order = np.lexsort((neighbour, owner, np.where(outer, triangles.surface, NONE)))
    inner = len(outer) - int(outer.sum())
    note = f'    note "nPoints:{len(mesh.nodes)} nCells:{len(mesh.tetrahedra)} '
    note += f'nFaces:{len(outer)} nInternalFaces:{inner}";\n'
    _write_lists(folder / "points", "vectorField", mesh.nodes.astype("<f8"))
    ends = np.arange(0, 3 * len(outer) + 1, 3)
    _write_lists(folder / "faces", "faceCompactList", ends, triangles.corners[order].ravel())
    _write_lists(folder / "owner", "labelList", owner[order], note=note)
    _write_lists(folder / "neighbour", "labelList", neighbour[order][:inner], note=note)
    sizes = np.bincount(triangles.surface[outer], minlength=len(surfaces)).tolist()
    _write_patches(folder / "boundary", dict(zip(surfaces, sizes, strict=True)), walls, inner)
    _write_zones(folder / "cellZones", mesh.phases, names)


def _write_lists(path: Path, kind: str, *lists: NDArray[np.generic], note: str = "") -> None:
    with path.open("wb") as file:
        file.write(_format_header(path.name, kind, "binary", note))
        for each in lists:
            values = each if each.dtype == np.dtype("<f8") else each.astype("<i4")
            file.write(b"%d\n(" % len(values) + values.tobytes() + b")\n")


def _write_patches(path: Path, sizes: dict[str, int], walls: object, first: int) -> None:
    """Patches that have a triangle, in the order of the faces."""
    blocks = []
    for name, size in sizes.items():
        if size:
            kind = "patch" if name[:1] in "xyz" and name[1:] in "01" else "wall"
            blocks.append(f"{name} {{ type {kind}; nFaces {size}; startFace {first}; }}\n")
            first += size
    header = _format_header(path.name, "polyBoundaryMesh", "ascii")
    path.write_bytes(header + f"{len(blocks)}\n(\n{''.join(blocks)})\n".encode())


def _write_zones(path: Path, phases: NDArray[np.uint8], names: tuple[str, ...]) -> None:
    """The cells of each phase."""
    labels = np.unique(phases).tolist()
    with path.open("wb") as file:
        file.write(_format_header(path.name, "regIOobject", "binary") + b"%d\n(\n" % len(labels))
        for label in labels:
            cells = np.flatnonzero(phases == label).astype("<i4")
            file.write(f"{names[label]} {{ type cellZone; cellLabels List<label> ".encode())
            file.write(b"%d\n(" % len(cells) + cells.tobytes() + b"); }\n")
        file.write(b")\n")


def _format_header(name: str, kind: str, form: str, note: str = "") -> bytes:
    return HEADER.format(name=name, kind=kind, format=form, note=note).encode()
