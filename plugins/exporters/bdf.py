"""Nastran bulk data: COMSOL, Nastran, HyperMesh."""

from pathlib import Path

import attrs
import numpy as np

from recon.core.data.volume import Volume
from recon.plugins.exporters.meshio_file import import_meshio
from recon.plugins.exporters.tetrahedral import TetrahedralExporter


@attrs.frozen
class Bdf(TetrahedralExporter):
    """Nastran bulk data, CTETRA (COMSOL); property number: label + 1.

    The properties stand for domains in COMSOL. Needs meshio (microrecon[mesh]).
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
            mesh.nodes, [("tetra", mesh.tetrahedra)], cell_data={"nastran:ref": [properties]}
        )
        meshio.write(path, content, file_format="nastran")
