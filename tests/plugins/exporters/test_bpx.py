"""Battery parameters, read back by the bpx package and by PyBaMM."""

import importlib
import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recon.core import ReconError, Volume
from recon.core.exporters import export
from recon.core.testing import check_plugin
from recon.plugins.exporters.bpx import Bpx
from recon.plugins.metrics.interface_area import InterfaceArea
from recon.plugins.properties.conductivity import Conductivity
from recon.plugins.properties.diffusivity import Diffusivity

EDGE = 4e-7
ELECTRODE = {
    "Thickness [m]": 6e-5,
    "Porosity": 0.4,
    "Transport efficiency": 0.25,
    "Conductivity [S.m-1]": 1.0,
    "Minimum stoichiometry": 0.1,
    "Maximum stoichiometry": 0.9,
    "Maximum concentration [mol.m-3]": 30000,
    "Particle radius [m]": 5e-6,
    "Surface area per unit volume [m-1]": 4e5,
    "Diffusivity [m2.s-1]": 1e-14,
    "Reaction rate constant [mol.m-2.s-1]": 1e-6,
}
CELL = {
    "Header": {"BPX": "1.0.0", "Title": "test", "Model": "DFN"},
    "Parameterisation": {
        "Cell": {
            "Electrode area [m2]": 0.01,
            "External surface area [m2]": 0.02,
            "Volume [m3]": 1e-5,
            "Number of electrode pairs connected in parallel to make a cell": 1,
            "Lower voltage cut-off [V]": 2.5,
            "Upper voltage cut-off [V]": 4.4,
            "Nominal cell capacity [A.h]": 0.3,
            "Reference temperature [K]": 298.15,
        },
        "Electrolyte": {
            "Cation transference number": 0.26,
            "Diffusivity [m2.s-1]": 2e-10,
            "Conductivity [S.m-1]": 1.0,
        },
        "Negative electrode": ELECTRODE | {"OCP [V]": "0.2 - 0.1 * x"},
        "Positive electrode": ELECTRODE | {"OCP [V]": "4.3 - 0.8 * x"},
        "Separator": {"Thickness [m]": 2e-5, "Porosity": 0.5, "Transport efficiency": 0.3},
    },
    "State": {
        "Initial conditions": {
            "Initial temperature [K]": 298.15,
            "Initial electrolyte concentration [mol.m-3]": 1000,
        },
        "Thermal environment": {"Ambient temperature [K]": 298.15},
    },
}


def read_back(path: Path) -> Any:
    """What the bpx package reads; it imports what its own dependencies deprecate."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        from bpx import parse_bpx_file
    return parse_bpx_file(path).parameterisation


@pytest.fixture
def base(tmp_path: Path) -> str:
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(CELL))
    return str(path)


@pytest.fixture
def electrode() -> Volume:
    """Particles and binder: solid leads through as the pore does."""
    rng = np.random.default_rng(0)
    at = np.moveaxis(np.indices((24, 24, 24)), 0, -1)
    centres = rng.uniform(0, 24, (22, 3))
    distance = np.linalg.norm(at[..., None, :] - centres, axis=-1).min(-1)
    labels = np.where(distance < 5, 1, np.where(distance < 5.6, 2, 0)).astype(np.uint8)
    return Volume(labels, (EDGE,) * 3, ("pore", "active", "binder"))


def test_conformance(base: str) -> None:
    check_plugin(Bpx)


def test_electrode(base: str, electrode: Volume, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    export(electrode, path, part="positive", base=base)
    positive = read_back(path).positive_electrode
    fractions = electrode.fractions()
    assert positive.porosity == pytest.approx(fractions[0])
    relative = Diffusivity(phases=(0,), axes=("z",)).solve(electrode)["relative"].item()
    assert positive.transport_efficiency == pytest.approx(relative)
    area = InterfaceArea().measure(electrode).sel(phase=0, phase2=1)
    connected = (area["area"] * area["connected_share"].sel(axis="z")).item() / EDGE
    assert connected > 0 and positive.surface_area_per_unit_volume == pytest.approx(connected)
    assert positive.particle_radius == pytest.approx(3 * fractions[1] / connected)
    written = json.loads(path.read_text())
    for part in ("Cell", "Electrolyte", "Negative electrode", "Separator"):
        assert written["Parameterisation"][part] == CELL["Parameterisation"][part]
    kept = written["Parameterisation"]["Positive electrode"]
    assert kept["Conductivity [S.m-1]"] == 1 and kept["Thickness [m]"] == 6e-5
    assert "measured by recon" in written["Header"]["Description"]


def test_conductivity_of_the_solid(base: str, electrode: Volume, tmp_path: Path) -> None:
    materials = tmp_path / "m.toml"
    materials.write_text("".join(f"[[phase]]\nconductivity = {k}\n" for k in (0, 10, 300)))
    export(electrode, tmp_path / "out.json", part="negative", base=base, materials=str(materials))
    negative = read_back(tmp_path / "out.json").negative_electrode
    k = Conductivity(materials=str(materials), axes=("z",)).solve(electrode)["conductivity"]
    assert negative.conductivity == pytest.approx(k.item()) and k > 0


@pytest.mark.slow  # PyBaMM takes seconds to import, and is of the extra `dev`
@pytest.mark.filterwarnings("ignore")
def test_pybamm_reads_it(base: str, electrode: Volume, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(os.environ, "PYBAMM_DISABLE_TELEMETRY", "true")
    pybamm = importlib.import_module("pybamm")
    path = tmp_path / "out.json"
    export(electrode, path, part="positive", base=base)
    result = pybamm.ParameterValues.create_from_bpx(path)
    fractions = electrode.fractions()
    assert result["Positive electrode porosity"] == pytest.approx(fractions[0])
    assert result["Positive electrode active material volume fraction"] == pytest.approx(
        fractions[1]
    )
    b = Diffusivity(phases=(0,), axes=("z",)).solve(electrode)["bruggeman_exponent"].item()
    assert result["Positive electrode Bruggeman coefficient (electrolyte)"] == pytest.approx(b)


@pytest.mark.parametrize("name", ["pore", "Pores"])
def test_separator_without_a_cell(tmp_path: Path, name: str) -> None:
    labels = np.zeros((10, 6, 6), np.uint8)
    labels[:, 2:4, 2:4] = 2
    volume = Volume(labels, (EDGE, EDGE, EDGE), ("polymer", "binder", name))
    export(volume, tmp_path / "s.json")
    separator = read_back(tmp_path / "s.json").separator
    assert separator.thickness == pytest.approx(10 * EDGE)
    assert separator.porosity == separator.transport_efficiency == pytest.approx(1 / 9)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, {"part": "positive"}, "base must be the BPX file of the cell for a positive"),
        ("{", {"part": "positive"}, "cannot be read as JSON"),
        ("[]", {"part": "positive"}, "must be a BPX file with a 'Positive electrode', got none"),
        ("cell", {"part": "positive", "active": "glue"}, "unknown phase 'glue'"),
        ("cell", {"part": "positive", "active": "pore"}, "active must be the phase of the active"),
        ("cell", {"part": "positive", "electrolyte": "binder"}, "must span the volume"),
    ],
)
def test_refusals(
    base: str, electrode: Volume, tmp_path: Path, content: str, options: dict, message: str
) -> None:
    if content not in (None, "cell"):
        Path(base).write_text(content)
    given = options | ({} if content is None else {"base": base})
    with pytest.raises(ReconError, match=message) as error:
        export(electrode, tmp_path / "o.json", **given)
    assert "\n" not in str(error.value) and not (tmp_path / "o.json").exists()


def test_a_blend_and_an_unknown_voxel_size_are_refused(
    base: str, electrode: Volume, tmp_path: Path
) -> None:
    blend = json.loads(json.dumps(CELL))
    blend["Parameterisation"]["Positive electrode"]["Particle"] = {}
    Path(base).write_text(json.dumps(blend))
    with pytest.raises(ReconError, match="must have one active material"):
        export(electrode, tmp_path / "o.json", part="positive", base=base)
    with pytest.raises(ReconError, match="must have a voxel size in metres"):
        export(Volume(electrode.labels), tmp_path / "o.json")
