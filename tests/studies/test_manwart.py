"""Manwart's test: its numbers, its verdict, and the command on a few voxels."""

import json

import manwart as module
import numpy as np
import properties
import pytest
from manwart import manwart, measure
from study import RECIPES, Study
from two_samples import compare_medians

from recon.core import Volume
from recon.plugins.properties.diffusivity import Diffusivity
from recon.plugins.properties.permeability import Permeability


def test_numbers_are_those_of_the_plugins():
    labels = (np.random.default_rng(0).random((10, 10, 10)) < 0.3).astype(np.uint8)
    volume = Volume(labels, (2e-6,) * 3, ("pore", "grain"))
    values = measure(volume, module._two_point(volume))
    assert values["porosity"] == (labels == 0).mean() and values["error of S2"] == 0
    k = Permeability(phases=(0,)).solve(volume)["permeability"].sel(axis="z").item()
    assert values["k z"] == pytest.approx(k / 4e-12)
    relative = Diffusivity(phases=(0,)).solve(volume)["relative"].sel(axis="y").item()
    assert values["1/F y"] == pytest.approx(relative)


@pytest.mark.parametrize(
    ("shift", "worth", "verdict"),
    [(1.1, 9, "passes"), (0.5, 200, "fails"), (2.0, 200, "fails"), (1.3, 3, "is undecided")],
)
def test_it_passes_within_a_factor_and_fails_where_that_is_certain(shift, worth, verdict):
    real = np.linspace(1, 2, 50)
    factors = {axis: compare_medians(real, real, worth) for axis in "xz"}
    factors["y"] = compare_medians(real, shift * real, worth)
    assert factors["y"]["ratio"] == pytest.approx(shift)
    low, high = factors["y"]["interval"]
    assert low < shift < high
    assert module._verdict("own", factors).startswith(f"own {verdict}: ")


@pytest.mark.slow
def test_the_command_leaves_figure_table_and_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(properties, "REAL", 5)
    table = {
        "material": "porous",
        "weights": "porous",
        "shape": [16, 16, 16],
        "seeds": 4,
        "sampler": {"spectral": {"steps": 2}, "gaussian": {"denoiser": "gaussian", "steps": 2}},
    }
    manwart(Study("manwart", table, None, tmp_path))
    folder = tmp_path / "figures"
    numbers = json.loads((folder / "manwart.json").read_text())
    assert all(set(numbers["factors"][name]) == set("xyz") for name in table["sampler"])
    assert numbers["k x"]["real"]["n"] == 5 and numbers["k x"]["spectral"]["n"] == 4
    assert "permeability over that of the real subvolumes" in (folder / "manwart.md").read_text()
    assert (folder / "manwart.png").stat().st_size > 1000


def test_recipes():
    for name, material in (("manwart", "porous"), ("manwart-berea", "berea")):
        study = Study.of(name, None, None)
        assert study.table["material"] == material and (RECIPES / f"{name}.toml").exists()
