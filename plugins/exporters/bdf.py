"""Nastran bulk data: COMSOL, Nastran, HyperMesh."""

from pathlib import Path

import attrs
import numpy as np

from recon.core.data.volume import Volume
from recon.plugins.exporters.meshio_file import import_meshio, name_cells
from recon.plugins.exporters.tetrahedral import TetrahedralExporter

CARDS = """$ {name}
PSOLID,{number},{number}
MAT1,{number},1.,,.3
"""


@attrs.frozen
class Bdf(TetrahedralExporter):
    """Nastran bulk data, CTETRA (COMSOL); property, material: label + 1.

    Each phase has its own PSOLID and MAT1, because COMSOL divides a mesh into domains by material.
    The constants in MAT1 are placeholders. Needs meshio (microrecon[mesh]).
    """

    name = "bdf"
    suffixes = (".bdf",)

    def name_files(self, path: Path) -> tuple[Path, ...]:
        import_meshio()
        return (path,)

    def write(self, volume: Volume, path: Path) -> None:
        meshio, mesh = import_meshio(), self.mesh(volume)
        properties = mesh.phases.astype(np.int32) + 1
        content = meshio.Mesh(
            mesh.nodes,
            [(name_cells(mesh.tetrahedra), mesh.tetrahedra)],
            cell_data={"nastran:ref": [properties]},
        )
        meshio.write(path, content, file_format="nastran")
        numbers = np.unique(properties).tolist()
        cards = "".join(CARDS.format(number=n, name=volume.phases[n - 1]) for n in numbers)
        text = path.read_text(encoding="utf-8").replace("CTETRA_", "CTETRA ")  # meshio 5.3's own
        path.write_text(text.replace("ENDDATA", cards + "ENDDATA"), encoding="utf-8", newline="\n")
