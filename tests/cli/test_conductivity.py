"""Conductivity through the command."""

from pathlib import Path

import numpy as np

from recon.core import Volume


def test_measured_beside_elasticity_from_one_file(recon):
    layers = np.zeros((6, 5, 4), np.uint8)
    layers[3:] = 1
    Volume(layers, phases=("epoxy", "glass")).save("v.zarr")
    Path("m.toml").write_text(
        'unit = "GPa"\nconductivity_unit = "W/(m K)"\n'
        '[[phase]]\nname = "epoxy"\nE = 3\nnu = 0.3\nconductivity = 0.2\n'
        '[[phase]]\nname = "glass"\nE = 70\nnu = 0.2\nconductivity = 1\n'
    )
    names = ("--property", "conductivity", "--property", "homogenization")
    said = recon("measure", "v.zarr", *names, "--materials", "m.toml", "--report", "r.html").stdout
    assert "conductivity (W/(m K)): x 0.6, y 0.6, z 0.333333" in said and "E (GPa):" in said
    assert "formation_factor" in Path("r.html").read_text(encoding="utf-8")


def test_without_materials_it_says_what_is_missing(recon):
    Volume(np.zeros((3, 3, 3), np.uint8)).save("v.zarr")
    error = recon("measure", "v.zarr", "--property", "conductivity", code=2).stderr
    assert error.count("\n") == 1 and "TOML file" in error and "--materials" in error
