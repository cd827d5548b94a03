"""The constants of a volume through the command."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import xarray as xr

from recon.core import Volume, catalog

MEASURE = ("measure", "volume.zarr", "--property", "homogenization")
QUICK = ("run", "--denoiser", "gaussian", "--harmonizer", "none", "--steps", 3, "--no-report")
SOLID = {"name": "solid", "E": 70, "nu": 0.2, "alpha": 5e-6}


def write(*phases):
    Path("phases.toml").write_text(tomli_w.dumps({"unit": "GPa", "phase": list(phases)}))


@pytest.fixture
def volume(recon):
    """volume.zarr of two phases, in the folder of the command."""
    labels = np.random.default_rng(1).integers(0, 2, (6, 5, 7), np.uint8)
    result = Volume(labels, (1e-6, 2e-6, 1e-6), ["matrix", "fibre"])
    result.save("volume.zarr")
    return result


def line(result):
    return result.stderr.strip().splitlines()[-1].removeprefix("Error: ")


def test_measure_writes_the_constants(recon, volume):
    write(SOLID, {"E": 3, "nu": 0.35, "alpha": 60e-6})
    result = recon(*MEASURE, "--materials", "phases.toml", "--json", "out.json",
                   "--set", "homogenization.fields=fields.zarr")  # fmt: skip
    for told in ("homogenization:", "E (GPa): x ", "stiffness (GPa):", "cte (1/K): xx "):
        assert told in result.stdout
    assert "warning" not in result.stdout and Path("fields.zarr/von-mises").is_dir()
    (name, table), = json.loads(Path("out.json").read_text()).items()  # fmt: skip
    results = xr.Dataset.from_dict(table)
    expected = catalog().build("property", name, materials="phases.toml").solve(volume)
    for key in ("stiffness", "compliance", "E", "nu", "G", "cte", "residual", "iterations"):
        xr.testing.assert_allclose(results[key], expected[key], rtol=1e-9, atol=1e-12)


def test_measure_takes_materials_by_name_and_says_their_oddities(recon, volume):
    result = recon(*MEASURE, "--materials", "lee-yun")
    assert "homogenization:" in result.stdout
    assert "Table A1 as printed" in result.stdout


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ([SOLID], "materials phases.toml must have a [[phase]] for every label of the volume"),
        ([SOLID, SOLID | {"E": -1}], "materials phases.toml: phase 1 (solid): E must be > 0"),
        ([SOLID, SOLID | {"nu": 0.6}], "materials phases.toml: phase 1 (solid): nu must be in"),
        ([{"void": True}] * 2, "homogenization: the volume must hold a solid phase, got void only"),
        ([{"void": True}, SOLID], "homogenization: the solid must be connected through"),
    ],
)
def test_bad_input_is_one_line(recon, volume, phases, message):
    labels = volume.labels.copy()
    labels[:, 2] = 0
    Volume(labels, volume.voxel_size).save("cut.zarr")
    write(*phases)
    result = recon("measure", "cut.zarr", *MEASURE[2:], "--materials", "phases.toml",
                   "--json", "out.json", code=2)  # fmt: skip
    assert line(result).startswith(message)
    assert not Path("out.json").exists()


def test_measure_without_materials_says_how_to_give_them(recon, volume):
    assert "give --materials" in line(recon(*MEASURE, code=2))
    assert "did you mean 'lee-yun'" in line(recon(*MEASURE, "--materials", "lee-yn", code=2))


def test_no_convergence_is_one_line(recon, volume):
    write(SOLID, {"E": 3, "nu": 0.35})
    refused = recon(*MEASURE, "--materials", "phases.toml", "--json", "out.json",
                    "--set", "homogenization.max_iterations=1", code=2)  # fmt: skip
    assert line(refused).startswith("homogenization did not converge")
    assert not Path("out.json").exists()


RECIPE = (
    "shape = [10, 9, 8]\n[[metric]]\nname = 'volume-fraction'\n"
    "[[property]]\nname = 'homogenization'\nmaterials = 'phases.toml'\n"
)


def test_a_run_measures_its_samples(recon):
    write(SOLID, {"E": 3, "nu": 0.35})
    Path("recipe.toml").write_text(RECIPE + "tolerance = 1e-4\n")
    result = recon("run", "recipe.toml", *QUICK[1:], "--samples", 2, "--out", "out")
    assert "homogenization, 2 samples: mean, standard deviation, 95 % interval" in result.stdout
    told = json.loads(Path("out/measurements.json").read_text())
    assert xr.Dataset.from_dict(told["homogenization"])["stiffness"].dims[0] == "sample"
    (table,) = tomllib.loads(Path("out/recipe.toml").read_text())["property"]
    assert table["tolerance"] == 1e-4


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ([SOLID, SOLID | {"E": -1}], "phase 1 (solid): E must be > 0, got -1"),
        ([SOLID, SOLID | {"nu": 0.5}], "phase 1 (solid): nu must be in (-1, 0.5), got 0.5"),
        ([], "at least one [[phase]] is needed"),
    ],
)
def test_a_recipe_with_bad_materials_is_refused_before_sampling(recon, phases, message):
    write(*phases)
    Path("recipe.toml").write_text(RECIPE)
    refused = recon("run", "recipe.toml", *QUICK[1:], "--out", "out", code=2)
    assert message in line(refused) and not Path("out").exists()


def test_a_recipe_without_its_materials_is_refused_before_sampling(recon):
    Path("recipe.toml").write_text(RECIPE)
    refused = recon("run", "recipe.toml", *QUICK[1:], "--out", "out", code=2)
    assert "cannot read materials" in line(refused) and not Path("out").exists()
