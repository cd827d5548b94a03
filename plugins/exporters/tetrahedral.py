"""What exporters of tetrahedra share."""

from pathlib import Path

import attrs

from recon.core.data.volume import Volume
from recon.core.options import option
from recon.plugins.exporters.lengths import UNIT, UNITS, measure_edges
from recon.plugins.exporters.phases import WITHOUT, keep_labels
from recon.plugins.exporters.sized import SizedExporter
from recon.plugins.exporters.tetrahedra.mesh import TetrahedralMesh, build_mesh
from recon.plugins.exporters.tetrahedra.second_order import add_edge_nodes

PERIODIC = "Axes along which the nodes of opposite faces match."
ORDER = "Order of the elements; with 2, every edge has a node in its middle."


@attrs.frozen
class TetrahedralExporter(SizedExporter):
    """A conforming tetrahedral mesh of all phases: smooth interfaces that both sides share."""

    unit: str = option("um", UNIT, choices=UNITS)
    without: tuple[int | str, ...] = option((), WITHOUT)
    periodic: tuple[str, ...] = option((), PERIODIC, choices=("z", "y", "x"))

    order: int = option(1, ORDER, choices=(1, 2))

    def list_outputs(self, volume: Volume, path: Path) -> tuple[Path, ...]:
        prepared = self.prepare(volume, announce=True)
        keep_labels(self.without, prepared)
        self.find_sizing(prepared)
        return self.name_files(path)

    def name_files(self, path: Path) -> tuple[Path, ...]:
        """The files of one output."""
        return (path,)

    def mesh(self, volume: Volume) -> TetrahedralMesh:
        """The mesh of a volume in the unit of the file."""
        prepared = self.prepare(volume)
        chosen = keep_labels(self.without, prepared)
        edges = measure_edges(prepared, self.unit)
        periodic = [axis in self.periodic for axis in "zyx"]
        sizing = self.find_sizing(prepared)
        mesh = build_mesh(prepared.labels, chosen, edges, periodic, sizing)
        return mesh if self.order == 1 else add_edge_nodes(mesh, prepared.shape)
