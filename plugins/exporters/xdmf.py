"""XDMF with HDF5, as FEniCSx and DOLFINx read meshes and tags."""

from pathlib import Path

import attrs

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.plugins.exporters.meshio_file import import_meshio, make_cells, make_facets
from recon.plugins.exporters.tetrahedral import TetrahedralExporter


@attrs.frozen
class Xdmf(TetrahedralExporter):
    """XDMF, tetrahedra with phase; OUT_facets.xdmf has interfaces, outer faces.

    Data in OUT.h5 and OUT_facets.h5. `phase` is the label of each tetrahedron, `facet` numbers the
    pairs of phases in ascending order (of three: 1 is 0|1, 2 is 0|2, 3 is 1|2), then the outer
    faces z0, z1, y0, y1, x0, x1. Needs meshio and h5py (microrecon[mesh]).
    """

    name = "xdmf"
    suffixes = (".xdmf",)

    def name_files(self, path: Path) -> tuple[Path, ...]:
        import_meshio()
        try:
            import h5py  # noqa: F401
        except ImportError as error:
            raise ReconError(
                "xdmf needs h5py; install it with pip install microrecon[mesh]"
            ) from error
        facets = path.with_name(f"{path.stem}_facets.xdmf")
        return (path, path.with_suffix(".h5"), facets, facets.with_suffix(".h5"))

    def write(self, volume: Volume, path: Path) -> None:
        mesh = self.mesh(volume)
        meshio = import_meshio()
        for file, content in (
            (path, make_cells(mesh)),
            (self.name_files(path)[2], make_facets(mesh, len(volume.phases))),
        ):
            meshio.write(file, content)
