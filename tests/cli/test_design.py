"""`recon design` through the real command, with the closed-form denoiser."""

import csv
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from recon.core import Micrographs, Volume

SMALL = ("--denoiser", "gaussian", "--steps", 6, "--shape", 12, 14, 16)
VARY = ("--vary", "fraction.solid=0.3:0.7", "--vary", "stretch.x=0.5:2")
TARGET = ("--target", "volume-fraction.solid=0.55")


@pytest.fixture
def micrographs(tmp_path):
    rng = np.random.default_rng(0)
    fields = gaussian_filter(rng.standard_normal((6, 40, 40)), (0, 2, 2))
    labels = (fields > 0).astype(np.uint8)
    stacks = {
        plane: labels[k : k + 2] for k, plane in zip((0, 2, 4), ("xy", "xz", "yz"), strict=True)
    }
    path = tmp_path / "m.zarr"
    Micrographs(stacks, (4e-7,) * 3, ["pore", "solid"]).save(path)
    return path


def design(recon, micrographs, *arguments, **keys):
    return recon("design", "--micrographs", micrographs, *SMALL, *arguments, **keys)


@pytest.mark.slow
def test_a_fraction_is_found_verified_and_written(recon, micrographs):
    result = design(
        recon, micrographs, *TARGET, *VARY, "--trials", 12, "--verify", 3, "--out", "out"
    )
    outcome = json.loads(Path("out/design.json").read_text())
    value = outcome["targets"]["volume-fraction.solid"]
    assert outcome["reached"] and value["low"] <= 0.55 <= value["high"]
    assert abs(value["predicted"] - 0.55) < 0.02
    assert "wanted 0.55" in result.stdout and "not reached" not in result.stdout
    rows = list(csv.DictReader(Path("out/trials.csv").read_text().splitlines()))
    assert len(rows) == outcome["trials"] <= 12
    assert set(rows[0]) >= {"fraction.solid", "stretch.x", "volume-fraction.solid", "front"}
    volumes = [Volume.open(f"out/{k:03d}.zarr") for k in range(3)]
    mean = np.mean([volume.fractions()[1] for volume in volumes])
    assert mean == pytest.approx(value["mean"])
    (size,) = {volume.voxel_size for volume in volumes}
    assert size == pytest.approx((4e-7, 4e-7, 4e-7 * outcome["settings"]["stretch.x"]))
    recipe = tomllib.loads(Path("out/recipe.toml").read_text())  # more of them are as long
    assert recipe["denoiser"]["stretch"] == [1, 1, outcome["settings"]["stretch.x"]]
    assert Path("out/design.png").stat().st_size > 1000


@pytest.mark.slow
def test_what_is_begun_goes_on_and_another_design_is_refused(recon, micrographs):
    keys = (*TARGET, "--vary", "fraction.solid=0.3:0.4", "--verify", 2, "--out", "out")
    design(recon, micrographs, *keys, "--trials", 2)
    first = Path("out/trials.csv").read_text().splitlines()
    before = json.loads(Path("out/design.json").read_text())["settings"]
    result = design(recon, micrographs, *keys, "--trials", 5, "--resume")
    after = json.loads(Path("out/design.json").read_text())["settings"]
    assert before != after  # and the volumes are those of the settings found last
    for number in range(2):
        made = Volume.open(f"out/{number:03d}.zarr").provenance["recipe"]["harmonizer"]
        assert made["fraction"][1] == after["fraction.solid"]
    rows = Path("out/trials.csv").read_text().splitlines()
    assert len(rows) == 6 and [row.rpartition(",")[0] for row in rows[:3]] == [
        row.rpartition(",")[0] for row in first
    ]
    assert "not reached, this is the nearest found" in result.stdout  # 0.55 lies outside
    refused = design(recon, micrographs, *keys, "--trials", 3, code=2)
    assert "holds a design; --resume continues it" in refused.stderr
    other = ("--target", "volume-fraction.solid=0.5", *keys[2:], "--resume")
    assert "holds another design" in design(recon, micrographs, *other, code=2).stderr


@pytest.mark.slow
def test_the_share_of_another_material_is_found(recon, micrographs):
    recon(
        *("train", micrographs, "--denoiser", "gaussian", "--out", "own.safetensors"),
    )
    planes = {}
    for plane, stack in Micrographs.open(micrographs).planes.items():
        planes[plane] = gaussian_filter(np.array(stack, float), (0, 1, 1)) > 0.75
    Micrographs(
        {plane: stack.astype(np.uint8) for plane, stack in planes.items()},
        (4e-7,) * 3,
        ["pore", "solid"],
    ).save(Path("other.zarr"))
    recon("train", "other.zarr", "--denoiser", "gaussian", "--out", "other.safetensors")
    fractions = [
        float(np.mean([np.mean(stack) for stack in one.values()]))
        for one in (Micrographs.open(micrographs).planes, planes)
    ]
    wanted = np.mean(fractions)
    recon(
        *("design", "--weights", "own.safetensors", *SMALL),
        *("--target", f"volume-fraction.solid={wanted}"),
        *("--vary", "blend:other.safetensors=0:1", "--trials", 10, "--verify", 3, "--out", "out"),
    )
    outcome = json.loads(Path("out/design.json").read_text())
    assert outcome["targets"]["volume-fraction.solid"]["predicted"] == pytest.approx(
        wanted, abs=0.02
    )
    assert 0.2 < outcome["settings"]["blend:other.safetensors"] < 0.8
    harmonizer = Volume.open("out/000.zarr").provenance["recipe"]["harmonizer"]
    assert Path(harmonizer["blend"]).name == "other.safetensors"
    result = recon(
        *("run", "--weights", "own.safetensors", *SMALL, "--out", "graded"),
        *("--blend", "other.safetensors=z:0..1", "--stretch", "z=2"),
    )
    volume = Volume.open("graded/volume.zarr")
    assert volume.voxel_size == pytest.approx((8e-7, 4e-7, 4e-7)), result.stdout


def test_whole_numbers_are_varied_as_such(recon, micrographs):
    """Of the recipe and of a plugin; a lag may be longer than what targets are tried on."""
    design(
        recon,
        micrographs,
        *("--target", "two-point.solid.x.8=0.4", "--vary", "steps=4:6"),
        *("--shape", 18, 18, 18),
        *("--vary", "harmonizer.rounds=1:3", "--trials", 2, "--verify", 2, "--out", "out"),
    )
    rows = list(csv.DictReader(Path("out/trials.csv").read_text().splitlines()))
    assert {row["steps"] for row in rows} <= {"4", "5", "6"}
    assert {row["harmonizer.rounds"] for row in rows} <= {"1", "2", "3"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*VARY,), "a design needs at least one --target"),
        ((*TARGET,), "a design needs at least one --vary"),
        ((*TARGET, *TARGET, *VARY), "--target gives one key twice"),
        ((*TARGET, "--vary", "fraction.glue=0.2:0.3"), "phase 'glue'"),
        ((*TARGET, *VARY, "--set", "volume-fraction.x=1"), "option of metric volume-fraction"),
        (("--target", "volume-fraction=0.4", *VARY), "must name a phase, one of pore, solid"),
        (("--target", "diffusivity.relativ.z=.2", *VARY), "unknown value of diffusivity 'relativ'"),
        (("--target", "diffusivity.relative.w=.2", *VARY), "'w'"),
        ((*TARGET, "--vary", "steps=2.5:4"), "--vary steps: its bounds must be whole numbers"),
    ],
)
def test_refuses_in_one_line_and_leaves_nothing(recon, micrographs, arguments, message):
    result = design(recon, micrographs, *arguments, "--out", "out", code=2)
    said = result.stderr.replace("compiling once for this machine\n", "")
    assert message in said and len(said.strip().splitlines()) == 1
    assert not Path("out").exists()
