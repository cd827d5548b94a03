"""Properties of the volumes of a run, with a property of the test's own."""

import json
import tomllib
from pathlib import Path

import attrs
import numpy as np
import pytest
import xarray as xr

from recon.core import Property, ReconError, Volume, catalog, option
from recon.core.catalog import Entry, Summary

QUICK = ("run", "--denoiser", "gaussian", "--harmonizer", "none", "--steps", 3)


@attrs.frozen
class Weight(Property):
    """Weight of the phases along each axis."""

    name = "weight"
    materials: str = option("none.txt", "File with the weights of the phases.")

    def solve(self, volume):
        try:
            weights = np.array(Path(self.materials).read_text().split(), float)
        except OSError:
            raise ReconError(f"cannot read materials {self.materials}") from None
        share = float(weights[volume.labels].mean())
        matrix = xr.DataArray(np.outer([1, 2, 3], [1, 2, 3]) * share, dims=("axis", "axis2"))
        names = {"axis": ["x", "y", "z"], "axis2": ["x", "y", "z"]}
        matrix[0, 2] = 1e-15
        warnings = [f"phase {k} weighs nothing" for k in np.flatnonzero(weights == 0)]
        young = ("axis", [share, 2 * share, 1.0], {"units": "GPa"})
        members = {"E": young, "G": matrix, "iterations": ("axis", [3, 4, 5]), "seconds": 0.25}
        return xr.Dataset(members, names, {"warnings": warnings})


@pytest.fixture
def weight(monkeypatch):
    """The property under its name, and a recipe in a folder with its file."""
    entry = Entry(Summary.of(Weight), "tests", "0", lambda: Weight)
    monkeypatch.setitem(catalog().entries, ("property", "weight"), [entry])


@pytest.fixture
def recipe(weight, recon):
    Path("project").mkdir()
    Path("project/phases.txt").write_text("1 5")
    path = Path("project/recipe.toml")
    path.write_text(
        "shape = [10, 9, 8]\nsamples = 3\n[[metric]]\nname = 'volume-fraction'\n"
        "[[property]]\nname = 'weight'\nmaterials = 'phases.txt'\n"
    )
    return path


def test_samples_are_summed_up_on_the_terminal_in_json_and_in_the_report(recon, recipe):
    result = recon("run", recipe, *QUICK[1:], "--out", "out")
    assert "weight, 3 samples: mean, standard deviation, 95 % interval" in result.stdout
    measured = json.loads(Path("out/measurements.json").read_text())
    assert list(measured) == ["volume-fraction", "weight", "weight-ensemble"]
    assert "  E (GPa) x: " in result.stdout and "  G x y: " in result.stdout
    assert "iterations" not in result.stdout and "warning" not in result.stdout
    each = xr.Dataset.from_dict(measured["weight"])["E"]
    results = xr.Dataset.from_dict(measured["weight-ensemble"])["E"]
    assert np.allclose(each.mean("sample"), results.sel(statistic="mean"))
    assert np.allclose(each.std("sample", ddof=1), results.sel(statistic="deviation"))
    fraction = xr.DataArray.from_dict(measured["volume-fraction"]).sel(phase=1)
    assert np.allclose(each.sel(axis="x"), 1 + 4 * fraction)
    assert "weight, 3 samples" in Path("out/report.html").read_text()


def test_materials_are_relative_to_the_recipe_and_the_resolved_one_runs_anywhere(
    recon, recipe, monkeypatch
):
    recon("run", recipe, *QUICK[1:], "--samples", 1, "--no-report", "--out", "out")
    (table,) = tomllib.loads(Path("out/recipe.toml").read_text())["property"]
    assert Path(table["materials"]) == Path("project/phases.txt").absolute()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    recon("run", "../out/recipe.toml", "--no-report", "--out", "again")
    first, again = (json.loads(Path(p).read_text())["weight"]
                    for p in ("../out/measurements.json", "again/measurements.json"))  # fmt: skip
    assert first == again
    result = recon("measure", "again/volume.zarr", "--property", "weight",
                   "--materials", "../project/phases.txt")  # fmt: skip
    assert "weight:" in result.stdout and "ensemble" not in result.stdout


def test_a_name_stays_a_name(recon, recipe):
    Path("project/recipe.toml").write_text(
        recipe.read_text().replace("phases.txt", "lee-yun").replace("samples = 3", "samples = 1")
    )
    Path("project/lee-yun").mkdir()
    refused = recon("run", recipe, *QUICK[1:], "--out", "out", code=2)
    assert "cannot read materials lee-yun" in refused.stderr


def test_measure_prints_numbers_by_name_matrices_and_warnings(recon, weight):
    Volume(np.arange(8).reshape(2, 2, 2) % 2).save("v.zarr")
    Path("w.txt").write_text("0 4")
    call = ("measure", "v.zarr", "--property", "weight", "--materials", "w.txt")
    result = recon(*call, "--json", "out.json", "--report", "page.html")
    assert result.stdout.splitlines() == [
        "weight:",
        "  E (GPa): x 2, y 4, z 1",
        "  G:",
        "       x   y   z",
        "    x  2   4   0",
        "    y  4   8  12",
        "    z  6  12  18",
        "  iterations: x 3, y 4, z 5",
        "  seconds: 0.25",
        "  warning: phase 0 weighs nothing",
    ]
    assert list(json.loads(Path("out.json").read_text())) == ["weight"]
    page = Path("page.html").read_text()
    assert "E (GPa)" in page and "phase 0 weighs nothing" in page and "weight: G" in page


def test_warnings_of_any_sample_are_told_once(recon, recipe):
    Path("project/phases.txt").write_text("0 5")
    result = recon("run", recipe, *QUICK[1:], "--out", "out")
    assert result.stdout.count("warning: phase 0 weighs nothing") == 1
    assert Path("out/report.html").read_text().count("phase 0 weighs nothing") == 1
    measured = json.loads(Path("out/measurements.json").read_text())["weight"]
    assert measured["attrs"]["warnings"] == ["phase 0 weighs nothing"]


def test_the_comparison_stands_beside_the_results_in_json(recon):
    labels = np.random.default_rng(0).integers(0, 2, (12, 12, 12)).repeat(2, 0).repeat(2, 1)
    Volume(labels).save("v.zarr")
    recon("measure", "v.zarr", "--metric", "volume-fraction", "--against", "v.zarr",
          "--json", "out.json")  # fmt: skip
    told = json.loads(Path("out.json").read_text())
    assert list(told) == ["volume-fraction", "comparison"]
    assert told["comparison"]["two-point"]["error"] == 0
    assert xr.DataArray.from_dict(told["volume-fraction"]).sizes == {"phase": 2}
