"""VTK unstructured grid in XML: ParaView, PyVista, VTK."""

from pathlib import Path

import attrs

from recon.core.data.volume import Volume
from recon.plugins.exporters.meshio_file import import_meshio, make_cells
from recon.plugins.exporters.tetrahedral import TetrahedralExporter


@attrs.frozen
class Vtu(TetrahedralExporter):
    """VTK unstructured grid, tetrahedra; cell data phase, scaled_jacobian."""

    name = "vtu"
    suffixes = (".vtu",)

    def name_files(self, path: Path) -> tuple[Path, ...]:
        import_meshio()
        return (path,)

    def write(self, volume: Volume, path: Path) -> None:
        import_meshio().write(path, make_cells(self.mesh(volume)))
