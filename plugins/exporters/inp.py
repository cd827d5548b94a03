"""Abaqus input: hexahedra or tetrahedra, an element set a phase, node sets of the boundary."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import attrs
import numpy as np

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.options import option
from recon.plugins.exporters import abaqus_tetrahedra as tetrahedra
from recon.plugins.exporters.abaqus_components import format_components
from recon.plugins.exporters.abaqus_materials import check_materials, format_blocks
from recon.plugins.exporters.abaqus_mesh import (
    format_boundary_sets,
    format_elements,
    format_nodes,
    mark_nodes,
)
from recon.plugins.exporters.abaqus_periodic import format_periodic, format_reference_nodes
from recon.plugins.exporters.lengths import UNIT, UNITS, measure_edges
from recon.plugins.exporters.phases import WITHOUT, keep_labels, restrict_names
from recon.plugins.exporters.sized import SizedExporter
from recon.plugins.exporters.tetrahedra.mesh import TetrahedralMesh, build_mesh
from recon.plugins.exporters.tetrahedra.second_order import add_edge_nodes
from recon.plugins.materials.materials import Materials

TETRAHEDRON, SECOND_ORDER = "C3D4", "C3D10"
ELEMENTS = ("C3D8", "C3D8R", "C3D8I", TETRAHEDRON, SECOND_ORDER)


@attrs.frozen
class Inp(SizedExporter):
    """Abaqus input, C3D8, C3D4 or C3D10; sets of phases, components, faces.

    The file has nodes, elements, sets, sections and materials without parts, for Abaqus and
    CalculiX. Each hexahedron is a voxel. Tetrahedra have smooth interfaces that both phases share,
    with node sets and surfaces. Omitted phases and phases of void leave gaps in the numbering.
    Lengths are in micrometres by default, because solvers treat the Jacobian of an element of 1e-20
    m3 as zero.
    """

    name = "inp"
    suffixes = (".inp",)
    unit: str = option("um", UNIT, choices=UNITS)
    without: tuple[int | str, ...] = option((), WITHOUT)
    element: str = option(
        "C3D8",
        "Hexahedra (C3D8, C3D8R, C3D8I) or tetrahedra (C3D4 linear, C3D10 second order).",
        choices=ELEMENTS,
    )
    components: tuple[int | str, ...] = option(
        (), "Phases with an element set and a node set for each connected component."
    )
    equations: bool = option(False, "Write periodic boundary conditions as linear equations.")
    materials: str | None = option(
        None, "TOML file, or bundled materials by name, with the elastic constants of the phases."
    )

    def list_outputs(self, volume: Volume, path: Path) -> tuple[Path, ...]:
        materials = self._load_materials()
        volume = self.prepare(volume, announce=True)
        labels = self._select_labels(volume, materials)
        for apart in self.components:
            volume.find_label(apart)
        if self.find_sizing(volume) is not None and self.element != TETRAHEDRON:
            raise ReconError(
                f"sizes= and interface_size= are for element={TETRAHEDRON}, got {self.element}"
            )
        if materials is not None:
            check_materials(materials, labels, volume)
            for phase in materials.phases:
                if phase.void:
                    warnings.warn(f"{phase.name} is void: its elements are left out", stacklevel=2)
        return (path,)

    def write(self, volume: Volume, path: Path) -> None:
        materials = self._load_materials()
        volume = self.prepare(volume)
        labels = self._select_labels(volume, materials)
        with path.open("w", encoding="ascii", newline="\n") as file:
            self._write(file, volume, labels, materials)

    def _load_materials(self) -> Materials | None:
        return None if self.materials is None else Materials.load(self.materials)

    def _select_labels(self, volume: Volume, materials: Materials | None) -> list[int]:
        """Labels with elements: what bears nothing has none."""
        known = materials.phases if materials is not None else ()
        void = [label for label, phase in enumerate(known) if phase.void]
        void = [label for label in void if label < len(volume.phases)]
        return keep_labels((*self.without, *(volume.phases[label] for label in void)), volume)

    def _write(
        self, file: TextIO, volume: Volume, labels: Sequence[int], materials: Materials | None
    ) -> None:
        edges = measure_edges(volume, self.unit)
        mesh = self._build_mesh(volume, labels, edges)
        used = mark_nodes(volume.labels, labels)
        if mesh is not None:
            used = np.zeros_like(used)
            if self.element == SECOND_ORDER:  # its nodes lie on a lattice of half voxels
                used = np.zeros([2 * side + 1 for side in volume.shape], bool)
                edges = (edges[0] / 2, edges[1] / 2, edges[2] / 2)
            used.ravel()[mesh.numbers] = True
        plain = restrict_names([volume.phases[label].upper() for label in labels], "A-Z0-9_")
        names = {label: f"PHASE_{name}" for label, name in zip(labels, plain, strict=True)}
        references = tuple(used.size + 3 - axis for axis in range(3))
        file.write(_format_heading(volume, names, self.unit))
        total = len(used) + len(labels) * len(volume.labels)
        done = 0
        file.write("*NODE\n")
        for layer in format_nodes(used, edges) if mesh is None else tetrahedra.format_nodes(mesh):
            file.write(layer)
            self.report(done := done + 1, total)
        if self.equations:
            file.write(format_reference_nodes(used, edges, references))
        for label, name in names.items():
            file.write(f"*ELEMENT, TYPE={self.element}, ELSET={name}\n")
            layers = (
                format_elements(volume.labels, label)
                if mesh is None
                else tetrahedra.format_elements(mesh, label)
            )
            for layer in layers:
                file.write(layer)
                self.report(done := done + 1, total)
        apart = [volume.find_label(phase) for phase in self.components]
        apart_names = {label: names[label] for label in apart if label in names}
        file.writelines(format_components(volume.labels, apart_names, mesh))
        file.writelines(format_boundary_sets(used))
        if mesh is not None:
            file.writelines(tetrahedra.format_surfaces(mesh, names))
        file.writelines(format_blocks(materials, names, self.unit))
        if self.equations:
            file.writelines(format_periodic(used, edges, references))

    def _build_mesh(
        self, volume: Volume, labels: Sequence[int], edges: tuple[float, float, float]
    ) -> TetrahedralMesh | None:
        """None when the elements are the voxels."""
        if self.element not in (TETRAHEDRON, SECOND_ORDER):
            return None
        sizing = self.find_sizing(volume)
        mesh = build_mesh(volume.labels, labels, edges, (self.equations,) * 3, sizing)
        return mesh if self.element == TETRAHEDRON else add_edge_nodes(mesh, volume.shape)


def _format_heading(volume: Volume, names: dict[int, str], unit: str) -> str:
    z, y, x = volume.shape
    sets = "".join(f"**   {name}: label {label}\n" for label, name in names.items())
    gone = [str(label) for label in range(len(volume.phases)) if label not in names]
    sets += f"**   left out or without a voxel: label {', '.join(gone)}\n" if gone else ""
    return (
        f"*HEADING\nrecon: {x} x {y} x {z} voxels (x, y, z), lengths in {unit}\n"
        f"** Element sets of the phases:\n{sets}"
    )
