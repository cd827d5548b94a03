"""`recon run` with the closed-form denoiser: the whole way without weights."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from recon.core import Micrographs, Recipe, Volume, catalog, sample_steps
from recon.workflow.folder import Folder, find_free_name

QUICK = ("run", "--denoiser", "gaussian", "--harmonizer", "none", "--steps", 4)
REPORTED = (*QUICK, "--shape", 12, 10, 16)
SMALL = (*REPORTED, "--no-report")


def line(result):
    """The one line that an error is."""
    (text,) = result.stderr.strip().splitlines()[-1:]
    return text.removeprefix("Error: ")


@pytest.fixture
def micrographs(tmp_path):
    """micrographs.zarr of a random two-phase texture on three planes."""
    rng = np.random.default_rng(0)
    stacks = {plane: rng.random((3, 40, 30)) < 0.4 for plane in ("xy", "xz", "yz")}
    path = tmp_path / "micrographs.zarr"
    Micrographs(stacks, (4e-7,) * 3, ["pore", "solid"]).save(path)
    return path


def test_the_folder_holds_what_the_contract_says(recon):
    recon(*REPORTED, "--seed", 5, "--out", "out")
    assert {child.name for child in Path("out").iterdir()} == {
        "volume.zarr",
        "recipe.toml",
        "measurements.json",
        "report.html",
    }
    labels = zarr.open("out/volume.zarr", mode="r")["0"]
    assert labels.shape == (12, 10, 16) and labels.dtype == np.uint8
    told = zarr.open("out/volume.zarr", mode="r").attrs["recon"]
    assert told["seed"] == 5 and told["weights_sha256"] is None
    assert told["recipe"]["harmonizer"]["name"] == "none"
    assert told["versions"]["microrecon"] == catalog().entry("denoiser", "gaussian").version
    measured = json.loads(Path("out/measurements.json").read_text())
    assert list(measured) == ["volume-fraction", "two-point", "lineal-path"]
    fractions = xr.DataArray.from_dict(measured["volume-fraction"])
    assert float(fractions.sel(phase=1)) == pytest.approx(labels[...].mean())
    assert "<html" in Path("out/report.html").read_text()


def test_the_written_recipe_and_the_provenance_give_the_same_volume(recon):
    recon(*SMALL, "--seed", 3, "--set", "denoiser.lengths=[1, 2, 3]", "--out", "first")
    recon("run", "first/recipe.toml", "--no-report", "--out", "second")
    first, second = Volume.open("first/volume.zarr"), Volume.open("second/volume.zarr")
    assert np.array_equal(first.labels, second.labels)
    recipe = Recipe.from_table(first.provenance["recipe"])
    *_, state = sample_steps(recipe)
    assert np.array_equal(state.volume.labels, first.labels)
    resolved = tomllib.loads(Path("first/recipe.toml").read_text())
    assert resolved["denoiser"]["lengths"] == [1.0, 2.0, 3.0]
    assert resolved["harmonizer"]["eta"] == 1.0


@pytest.mark.slow
def test_a_folder_of_the_name_of_bundled_weights_is_not_taken_for_them(recon):
    run = ("run", "--weights", "porous", "--shape", 8, 8, 8, "--steps", 2, "--no-report")
    run += ("--harmonizer", "none", "--set", "denoiser.volume=false")
    recon(*run, "--out", "porous")
    assert tomllib.loads(Path("porous/recipe.toml").read_text())["weights"] == "porous"
    recon(*run, "--out", "fibres")
    assert tomllib.loads(Path("fibres/recipe.toml").read_text())["weights"] == "porous"
    Path("again.toml").write_text(Path("fibres/recipe.toml").read_text())
    recon("run", "again.toml", "--no-report", "--out", "again")


def test_a_refiner_that_does_not_suit_is_refused_before_anything_is_written(recon):
    result = recon(*SMALL, "--refiner", "target-diffusivity", "--out", "out", code=2)
    assert "value must be a relative diffusivity such as 0.2, got none" in result.stderr
    assert not Path("out").exists()


def test_samples_are_the_volumes_of_the_following_seeds(recon):
    recon(*SMALL, "--seed", 100, "--samples", 3, "--out", "many")
    assert sorted(p.name for p in Path("many").glob("*.zarr")) == [f"00{i}.zarr" for i in range(3)]
    measured = json.loads(Path("many/measurements.json").read_text())
    assert xr.DataArray.from_dict(measured["two-point"]).sizes["sample"] == 3
    for number in range(3):
        recon(*SMALL, "--seed", 100 + number, "--out", f"one{number}")
        alone = Volume.open(f"one{number}/volume.zarr")
        assert np.array_equal(alone.labels, Volume.open(f"many/00{number}.zarr").labels)


def test_flags_win_over_the_recipe_and_the_recipe_over_defaults(recon):
    Path("recipe.toml").write_text(
        "steps = 5\nshape = [8, 8, 8]\n[denoiser]\nname = 'gaussian'\nfraction = 0.2\n"
        "[harmonizer]\nname = 'gamma-blend'\ngamma = 0.3\nrounds = 1\n"
        "[[metric]]\nname = 'two-point'\n"
    )
    run = ("run", "recipe.toml", "--no-report")
    recon(*run, "--steps", 3, "--set", "harmonizer.rounds=2", "--out", "out")
    table = tomllib.loads(Path("out/recipe.toml").read_text())
    assert table["steps"] == 3 and table["shape"] == [8, 8, 8]
    assert table["denoiser"]["fraction"] == 0.2
    assert (table["harmonizer"]["gamma"], table["harmonizer"]["rounds"]) == (0.3, 2)
    assert list(json.loads(Path("out/measurements.json").read_text())) == ["two-point"]
    recon(*run, "--harmonizer", "none", "--out", "other")
    assert tomllib.loads(Path("other/recipe.toml").read_text())["harmonizer"]["name"] == "none"


@pytest.mark.slow
def test_micrographs_without_weights_train_first_and_are_compared_with(recon, micrographs):
    recon(*REPORTED, "--micrographs", micrographs, "--no-classifier", "--out", "out")
    assert Path("out/weights.safetensors").exists()
    assert tomllib.loads(Path("out/recipe.toml").read_text())["weights"] == "weights.safetensors"
    first = Volume.open("out/volume.zarr")
    assert first.phases == ("pore", "solid") and first.voxel_size == pytest.approx((4e-7,) * 3)
    assert "micrographs" in Path("out/report.html").read_text()
    recon("run", "out/recipe.toml", "--no-report", "--out", "again")
    assert np.array_equal(Volume.open("again/volume.zarr").labels, first.labels)


TINY = ["--set", "denoiser.width=8", "--set", "denoiser.multiples=[1,2]", "--set"]
TINY += ["denoiser.attention=[false,true]", "--set", "denoiser.crop=16"]


@pytest.mark.slow
def test_training_steps_are_not_those_of_the_sampler(recon, micrographs):
    given = ("run", "--micrographs", micrographs, "--preset", "tiny", "--train-steps", 3, *TINY)
    sampler = ("--steps", 2, "--shape", 8, 8, 8, "--harmonizer", "none")
    told = recon(*given, *sampler, "--dry-run").stdout
    assert "\ntraining    about " in f"\n{told}" and "passes" in told
    assert [path.name for path in Path().iterdir()] == ["micrographs.zarr"]
    recon(*given, *sampler, "--no-report", "--out", "out")
    with (Path("out") / "recipe.toml").open("rb") as file:
        written = tomllib.load(file)
    assert written["steps"] == 2
    assert (written["denoiser"]["steps"], written["denoiser"]["preset"]) == (3, "tiny")


def test_a_taken_name_gets_a_number_and_resume_does_nothing_when_finished(recon):
    recon(*SMALL)
    recon(*SMALL)
    assert Path("recon-run/volume.zarr").exists() and Path("recon-run-2/volume.zarr").exists()
    assert find_free_name("recon-run") == Path("recon-run-3")
    assert not Path("recon-run/report.html").exists()
    before = Path("recon-run/measurements.json").stat().st_mtime_ns
    assert "is finished" in recon(*SMALL, "--out", "recon-run", "--resume").stderr
    assert Path("recon-run/measurements.json").stat().st_mtime_ns == before
    recon(*SMALL, "--out", "fresh", "--resume")
    assert Path("fresh/volume.zarr").exists()


class Stop(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("bare", [True, False])
def test_an_interrupted_run_goes_on_where_it_was(recon, monkeypatch, bare):
    recon(*SMALL, "--samples", 2, "--out", "whole")
    monkeypatch.setattr("recon.workflow.executors.local.SAVE_EVERY", 0.0)
    saved = []

    def stop(self, name, done, x, keep=Folder.save_field):
        keep(self, name, done, x)
        saved.append((name, done))
        if saved[-1] == ("001.safetensors", 2):
            raise Stop

    monkeypatch.setattr(Folder, "save_field", stop)
    with pytest.raises(Stop):
        recon(*SMALL, "--samples", 2, "--out", "broken")
    assert not Path("broken/measurements.json").exists()
    recon(*SMALL, "--out", "broken", code=2)
    refused = recon(*SMALL, "--samples", 2, "--steps", 5, "--out", "broken", "--resume", code=2)
    assert "differs in steps" in line(refused)
    recon(
        *(("run", "--no-report") if bare else (*SMALL, "--samples", 2)),
        "--out",
        "broken",
        "--resume",
    )
    assert saved[-1] == ("001.safetensors", 3) and saved.count(("000.safetensors", 1)) == 1
    for name in ("000.zarr", "001.zarr"):
        whole, again = Volume.open(f"whole/{name}"), Volume.open(f"broken/{name}")
        assert np.array_equal(whole.labels, again.labels)
    assert not Path("broken/.state").exists()


def test_a_folder_in_use_is_refused(recon):
    with Folder(Path("busy")).lock():
        assert "busy is in use by another run" in line(recon(*SMALL, "--out", "busy", code=2))
    recon(*SMALL, "--out", "busy")


BAD = [
    (("--steps", 0), "recipe: steps must be in [1, 1000], got 0"),
    (("--shape", 8, -8, 8), "recipe: shape must have three sides"),
    (("--shape", 1, 8, 8), "recipe: shape must have three sides in [2, 65535], got (1, 8, 8)"),
    (("--shape", 8, 8, 1, "--dry-run"), "recipe: shape must have three sides in [2, 65535]"),
    (("--samples", 0), "recipe: samples must be in [1, 1000000], got 0"),
    (("--harmonizer", "gama-blend"), "unknown harmonizer 'gama-blend'; did you mean 'gam"),
    (("--harmonizer", "gamma-blend", "--set", "harmonizer.gamma=1.5"),
     "harmonizer gamma-blend: gamma must be in [0, 1], got 1.5"),
    (("--set", "harmonizer.gama=1"), "unknown option of harmonizer none 'gama'"),
    (("--set", "harmoniser.gamma=1"), "unknown table in --set 'harmoniser'; did you mean"),
    (("--set", "gamma"), "--set must be KIND.OPTION=VALUE, got 'gamma'"),
    (("--periodic", "w"), "recipe: periodic must name axes of z, y, x"),
    (("--weights", "none.safetensors"), "weights none.safetensors do not exist"),
    (("--weights", "porouss"), "unknown weights 'porouss'"),
    (("--micrographs", "none.zarr"), "micrographs none.zarr does not exist"),
    (("none.toml",), "cannot read recipe none.toml"),
    (("--device", "mps"), "device mps is not there"),
    (("--resume",), "--resume needs the --out"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_one_line_and_leaves_nothing(recon, arguments, message):
    result = recon(*SMALL, *arguments, code=2)
    assert line(result).startswith(message)
    assert list(Path().iterdir()) == []


def test_places_that_cannot_be_written_are_refused(recon):
    Path("taken").mkdir()
    Path("taken/precious.txt").write_text("keep")
    assert "holds something already" in line(recon(*SMALL, "--out", "taken", code=2))
    assert [p.name for p in Path("taken").iterdir()] == ["precious.txt"]
    Path("file").write_text("")
    assert "cannot write file" in line(recon(*SMALL, "--out", "file/out", code=2))
    assert "cannot write file" in line(recon(*SMALL, "--out", "file", code=2))
    assert "cannot write /proc/out" in line(recon(*SMALL, "--out", "/proc/out", code=2))


def test_damaged_and_foreign_weights_are_refused(recon, micrographs):
    recon("train", micrographs, "--denoiser", "gaussian", "--out", "good.safetensors")
    good = Path("good.safetensors").read_bytes()
    cases = {
        "cut": (good[: len(good) // 2], "damaged or no safetensors file"),
        "empty": (b"", "damaged or no safetensors file"),
        "pickle": (b"\x80\x04cos\nsystem\n", "damaged or no safetensors file"),
    }
    for name, (content, message) in cases.items():
        Path(f"{name}.safetensors").write_bytes(content)
        result = recon(*SMALL, "--weights", f"{name}.safetensors", "--out", "out", code=2)
        assert message in line(result) and not Path("out").exists()
    result = recon("run", "--weights", "good.safetensors", "--out", "out", code=2)
    assert line(result) == "weights good.safetensors are of denoiser 'gaussian', not 'unet-ddpm'"
    changed = (*SMALL, "--weights", "good.safetensors", "--set", "denoiser.noise=cosine")
    assert "noise is 'linear-2e-2' in the weights" in line(recon(*changed, "--out", "out", code=2))
    recon(*SMALL, "--weights", "good.safetensors", "--out", "out")
    assert Volume.open("out/volume.zarr").phases == ("pore", "solid")


def test_weights_and_micrographs_of_different_materials_are_refused(recon, micrographs):
    recon("train", micrographs, "--denoiser", "gaussian", "--out", "two.safetensors")
    stack = np.random.default_rng(0).integers(0, 3, (2, 30, 30))
    Micrographs({"xy": stack}, (4e-7,) * 3).save("three.zarr")
    Micrographs({"xy": stack % 2}, (5e-7,) * 3).save("coarse.zarr")
    run = (*SMALL, "--weights", "two.safetensors", "--out", "out")
    assert "must have the same phases" in line(recon(*run, "--micrographs", "three.zarr", code=2))
    assert "the same voxel size" in line(recon(*run, "--micrographs", "coarse.zarr", code=2))
    assert not Path("out").exists()


@pytest.mark.slow
def test_out_of_memory_is_one_line(recon, monkeypatch):
    monkeypatch.setattr(
        "recon.workflow.planning.plan.measure_available", lambda: None
    )  # as on a Mac
    result = recon(*QUICK, "--shape", 4000, 4000, 4000, "--out", "huge", code=2)
    assert line(result).startswith("out of memory; take a smaller --shape")
    assert not Path("huge/volume.zarr").exists()


def test_too_little_disk_is_told_before_work_begins(recon):
    shape = ("--shape", 4000, 4000, 4000)
    result = recon(*QUICK, *shape, "--memory", "64GB", "--out", "huge", code=2)
    assert "in slabs that take 1.92TB on disk" in line(result)
    assert not Path("huge").exists()


@pytest.mark.slow
def test_a_fraction_is_aimed_at_and_fast_is_short(recon):
    flags = ("--fraction", "0.5,0.5", "--fast", "--shape", 24, 24, 24)
    recon("run", *flags, "--no-report", "--out", "out")
    volume = Volume.open("out/volume.zarr")
    assert volume.labels.mean() == pytest.approx(0.5, abs=0.002)
    made = Recipe.from_table(volume.provenance["recipe"])
    assert made.steps == 20 and made.harmonizer.options["rounds"] == 2


@pytest.mark.parametrize(
    ("fraction", "message"),
    [
        ("0.2,0.3,0.5", "one number for each of the 2 phases, got 3"),
        ("0.4,0.4", "sum to 1"),
        ("a,b", "must be numbers such as 0.35,0.65"),
    ],
)
def test_a_fraction_that_cannot_be_is_refused_and_leaves_nothing(recon, fraction, message):
    assert message in line(recon("run", "--fraction", fraction, "--out", "out", code=2))
    assert not Path("out").exists()


def test_fast_leaves_the_options_of_another_harmonizer_alone(recon):
    recon(*(a for a in SMALL if a not in ("--steps", 4)), "--fast", "--out", "out")
    told = tomllib.loads(Path("out/recipe.toml").read_text())
    assert told["steps"] == 20 and "rounds" not in told["harmonizer"]
