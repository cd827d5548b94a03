"""recon export as a user types it."""

from pathlib import Path

import meshio
import numpy as np
import pytest
import pyvista
import tifffile

from recon.core import Volume

ALL = ["a.tif", "a.vti", "a.npy", "a.inp", "a.raw", "a.h5", "a.stl", "a.ply"]


@pytest.fixture
def volume(recon):
    labels = np.random.default_rng(2).integers(0, 2, (5, 6, 7))
    made = Volume(labels, (5e-7, 4e-7, 2e-7), ("epoxy", "glass"))
    made.save("volume.zarr")
    return made


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_one_call_writes_every_format(recon, volume, tmp_path):
    said = recon("export", "volume.zarr", *ALL).stdout
    wanted = {*ALL, "a.mhd", *(f"a-{p}.{s}" for p in volume.phases for s in ("stl", "ply"))}
    wanted -= {"a.stl", "a.ply"}
    assert set(names(tmp_path)) == wanted | {"volume.zarr"}
    assert {line.split(":")[0] for line in said.splitlines()} == wanted
    assert np.array_equal(tifffile.imread("a.tif"), volume.labels)
    grid = pyvista.read("a.vti")
    assert np.array_equal(grid.cell_data["phase"].reshape(volume.shape), volume.labels)


def test_abaqus_with_materials_and_periodic_equations(recon, volume):
    flags = ("--materials", "glass-epoxy", "--set", "inp.equations=true")
    flags += ("--set", "inp.element=C3D8R")
    recon("export", "volume.zarr", "a.inp", *flags, "--unit", "mm")
    text = Path("a.inp").read_text()
    assert "*EQUATION" in text and "TYPE=C3D8R" in text and "PLACEHOLDER" not in text
    assert "*ELASTIC\n74000, 0.2\n" in text
    assert np.allclose(meshio.read("a.inp").points[:-3].max(0), [1.4e-3, 2.4e-3, 2.5e-3])


@pytest.mark.filterwarnings("default:air is void")
def test_void_materials_are_said(recon, volume):
    Path("m.toml").write_text(
        'unit = "GPa"\n[[phase]]\nname = "air"\nvoid = true\n[[phase]]\nE = 1\nnu = 0.3\n'
    )
    result = recon("export", "volume.zarr", "a.inp", "--materials", "m.toml")
    assert "air is void: its elements are left out" in result.stderr
    assert list(meshio.read("a.inp").cell_sets) == ["PHASE_GLASS"]


def test_one_phase_as_the_name_given(recon, volume, tmp_path):
    recon("export", "volume.zarr", "a.stl", "b.ply", "--phase", "glass", "--unit", "um")
    assert names(tmp_path) == ["a.stl", "b.ply", "volume.zarr"]
    recon("export", "volume.zarr", "c.stl", "--without", "0")
    assert names(tmp_path) == ["a.stl", "b.ply", "c-glass.stl", "volume.zarr"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing.zarr", "a.tif"), "nothing.zarr does not exist"),
        (("volume.zarr",), "Missing argument 'OUT...'"),
        (("volume.zarr", "a.tiff2"), "unknown format '.tiff2'; known: .bdf, .json, .foam"),
        (("volume.zarr", "a"), "must have a suffix that names its format; known: .bdf"),
        (("volume.zarr", "a.npy", "./a.npy"), "two outputs are named"),
        (("volume.zarr", "a.raw", "volume.zarr"), "unknown format '.zarr'"),
        (("volume.zarr", "b.tif", "taken.npy"), "taken.npy exists already"),
        (("volume.zarr", "there/a.tif"), "there is no folder; make it first"),
        (
            ("volume.zarr", "a.tif", "--unit", "um"),
            "--unit is for .bdf, .foam, .h5, .inp",
        ),
        (("volume.zarr", "a.stl", "--materials", "m.toml"), "--materials is for .json, .inp only"),
        (
            ("volume.zarr", "a.stl", "--set", "inp.unit=m"),
            "unknown exporter among the",
        ),
        (
            ("volume.zarr", "a.stl", "--set", "sdl.unit=m"),
            "did you mean 'stl'",
        ),
        (("volume.zarr", "a.stl", "--set", "stl.smooth=9"), "smooth must be in [0, 5], got 9"),
        (("volume.zarr", "a.stl", "--phase", "pore"), "unknown phase 'pore'"),
        (("volume.zarr", "a.stl", "--without", "0", "--without", "1"), "nothing is left"),
        (("volume.zarr", "a.inp", "--materials", "steel"), "unknown materials 'steel'"),
    ],
)
def test_refuses_in_one_line_and_writes_nothing(recon, volume, tmp_path, arguments, message):
    (tmp_path / "taken.npy").write_text("mine")
    error = recon("export", *arguments, code=2).stderr
    assert message in error and len(error.strip().splitlines()) == 1
    assert names(tmp_path) == ["taken.npy", "volume.zarr"]


def test_help_lists_the_formats(recon):
    text = recon("export", "--help").stdout
    assert ".tif, .tiff  ImageJ hyperstack of labels" in text
    assert ".inp         Abaqus input" in text
