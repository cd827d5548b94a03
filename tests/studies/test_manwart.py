"""Manwart's test: its numbers, its verdict, and the command on a few voxels."""

import json

import manwart as module
import numpy as np
import properties
import pytest
from manwart import manwart, measure
from study import RECIPES, Study
from two_samples import compared

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


@pytest.mark.parametrize(("shift", "verdict"), [(1.1, "passes"), (0.7, "fails"), (1.3, "fails")])
def test_it_passes_within_a_factor(shift, verdict):
    real = {f"k {axis}": np.linspace(1, 2, 9) for axis in "xyz"}
    made = real | {"k y": shift * real["k y"]}
    factors = module._factors(compared(real, {"own": made}), "own")
    assert factors == pytest.approx({"x": 1, "y": shift, "z": 1})
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
    assert "permeability over that of the real" in (folder / "manwart.md").read_text()
    assert (folder / "manwart.png").stat().st_size > 1000


def test_recipes():
    for name, material in (("manwart", "porous"), ("manwart-berea", "berea")):
        study = Study.of(name, None, None)
        assert study.table["material"] == material and (RECIPES / f"{name}.toml").exists()
