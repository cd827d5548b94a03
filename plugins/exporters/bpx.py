"""Battery parameter exchange (BPX): a cell's parameters as JSON, for PyBaMM and other models.

https://bpxstandard.com
"""

import json
import math
from pathlib import Path
from typing import Any

import attrs

from recon.core.catalog import catalog
from recon.core.data.volume import Volume
from recon.core.errors import ReconError, shown
from recon.core.kinds import Exporter
from recon.core.options import option
from recon.plugins.fluids import FLUIDS

PARTS = {
    "positive": "Positive electrode",
    "negative": "Negative electrode",
    "separator": "Separator",
}
FORMAT = "1.0.0"
SOLIDS = ("active", "active material")


@attrs.frozen
class Bpx(Exporter):
    """Battery parameter exchange (BPX) for PyBaMM: parameters of an electrode or separator.

    The exporter writes these parameters of an electrode: porosity, transport efficiency (the
    relative diffusivity of the electrolyte), surface area between active material and electrolyte
    where both are connected along the axis, and particle radius (3 fraction / area, the radius of
    spheres with this volume and surface). With `materials` it also writes the effective
    conductivity of the solid. All other parameters, such as chemistry and thickness, come from the
    file `base`. A separator does not need `base`: without it, the file is partial, and the
    thickness is that of the volume.
    """

    name = "bpx"
    suffixes = (".json",)
    part: str = option("separator", "Part of the cell that the volume shows.", choices=tuple(PARTS))
    base: str | None = option(None, "BPX file of the cell whose other parameters are kept.")
    axis: str = option("z", "Direction from one electrode to the other.", choices=("x", "y", "z"))
    electrolyte: int | str | None = option(
        None,
        "Phase of the electrolyte. Default: the phase named pore, void or electrolyte, or else "
        "label 1.",
        min=0,
    )
    active: int | str | None = option(
        None, "Phase of the active material. Default: the phase named active.", min=0
    )
    materials: str | None = option(
        None, "TOML file with the conductivity of each phase, for that of the electrode in S/m."
    )

    def list_outputs(self, volume: Volume, path: Path) -> tuple[Path, ...]:
        self._base()
        self._labels(volume)
        if set(volume.voxel_size) == {1.0}:
            raise ReconError(
                "bpx: the volume must have a voxel size in metres, got none; import it with "
                "voxel_size="
            )
        return (path,)

    def write(self, volume: Volume, path: Path) -> None:
        table, name = self._base(), PARTS[self.part]
        section = table["Parameterisation"].setdefault(name, {})
        section.update(
            {
                key: value
                for key, value in self._measure(volume).items()
                if self._takes(section, key)
            }
        )
        said = f"{name}: microstructure along {self.axis} measured by recon"
        header = table["Header"]
        header["Description"] = ". ".join(filter(None, [header.get("Description"), said]))
        path.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")

    def _takes(self, section: dict[str, Any], key: str) -> bool:
        """Of a base, a single-particle model has no electrolyte to tell of."""
        return self.base is None or key in section

    def _base(self) -> dict[str, Any]:
        """The file to begin with."""
        name = PARTS[self.part]
        if self.base is None:
            if self.part == "separator":
                begun = {"BPX": FORMAT, "Title": "Separator", "Model": "Partial"}
                return {"Header": begun, "Parameterisation": {}}
            raise ReconError(
                f"bpx: base must be the BPX file of the cell for a {name.lower()}, whose chemistry "
                "a volume does not contain, got none; give bpx.base=FILE"
            )
        try:
            table = json.loads(Path(self.base).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ReconError(f"bpx: base {self.base} cannot be read as JSON: {error}") from None
        sections = table.get("Parameterisation") if isinstance(table, dict) else None
        header = table.get("Header") if isinstance(table, dict) else None
        section = sections.get(name) if isinstance(sections, dict) else None
        if not isinstance(section, dict) or not isinstance(header, dict):
            raise ReconError(f"bpx: base {self.base} must be a BPX file with a {name!r}, got none")
        if "Particle" in section:
            raise ReconError(
                f"bpx: the {name.lower()} of base {self.base} must have one active material, got a "
                "blend of several"
            )
        return dict(table)

    def _labels(self, volume: Volume) -> tuple[int, int | None]:
        """Labels of the electrolyte and of the active material; a separator has none."""
        electrolyte = _find(volume, self.electrolyte, FLUIDS)
        if electrolyte is None:
            electrolyte = volume.find_label(1)
        if self.part == "separator":
            return electrolyte, None
        active = _find(volume, self.active, SOLIDS)
        if active is None or active == electrolyte:
            raise ReconError(
                "bpx: active must be the phase of the active material, got none of that name among "
                f"{', '.join(volume.phases)}; give bpx.active=PHASE"
            )
        return electrolyte, active

    def _measure(self, volume: Volume) -> dict[str, float]:
        """Values by their names in BPX, SI units."""
        electrolyte, active = self._labels(volume)
        fractions = volume.fractions()
        solver = catalog().build(
            "property", "diffusivity", phases=(electrolyte,), axes=(self.axis,)
        )
        relative = float(solver.solve(volume)["relative"][0])
        if relative == 0:
            raise ReconError(
                f"bpx: the electrolyte must span the volume along {self.axis}, got phase "
                f"{shown(volume.phases[electrolyte])} that does not; choose another with "
                "bpx.electrolyte or bpx.axis"
            )
        parameters = {"Porosity": float(fractions[electrolyte]), "Transport efficiency": relative}
        if active is None:
            side = volume.shape["zyx".index(self.axis)] * volume.voxel_size["zyx".index(self.axis)]
            return parameters if self.base is not None else {"Thickness [m]": side, **parameters}
        measured = catalog().build("metric", "interface-area").measure(volume)
        pair = {"phase": active, "phase2": electrolyte}
        share = float(measured["connected_share"].sel(**pair, axis=self.axis))
        area = float(measured["area"].sel(**pair)) * share / min(volume.voxel_size)
        if not area > 0 or not math.isfinite(area):
            raise ReconError(
                "bpx: active material and electrolyte must meet where both span the "
                f"volume along {self.axis}, got no such interface; choose other phases with "
                "bpx.active or bpx.electrolyte"
            )
        parameters["Surface area per unit volume [m-1]"] = area
        parameters["Particle radius [m]"] = 3 * float(fractions[active]) / area
        if self.materials is not None:
            conductor = catalog().build(
                "property", "conductivity", materials=self.materials, axes=(self.axis,)
            )
            parameters["Conductivity [S.m-1]"] = float(conductor.solve(volume)["conductivity"][0])
        return parameters


def _find(volume: Volume, given: int | str | None, names: tuple[str, ...]) -> int | None:
    """The label of a phase given, or the first that is named so."""
    if given is not None:
        return volume.find_label(given)
    return next((k for k, name in enumerate(volume.phases) if name.lower() in names), None)
