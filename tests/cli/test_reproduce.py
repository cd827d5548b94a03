"""`recon run --from VOLUME`: made again from its own file, compared, and what has changed told."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr

from recon.core import Micrographs, Volume
from recon.workflow.conclude import conclude

GAUSSIAN = ("run", "--denoiser", "gaussian", "--harmonizer", "none", "--steps", 4, "--no-report")
SMALL = (*GAUSSIAN, "--shape", 12, 10, 16)


def micrographs(path, seed=0):
    rng = np.random.default_rng(seed)
    stacks = {plane: rng.random((3, 40, 30)) < 0.4 for plane in ("xy", "xz", "yz")}
    Micrographs(stacks, (4e-7,) * 3, ["pore", "solid"]).save(path)
    return path


def identical(recon, volume, *arguments):
    """What `run --from` says, which must be that all is the same."""
    said = recon("run", "--from", volume, *arguments).stdout
    assert said.startswith(f"{volume}: identical, all 1920 voxels, seed ")
    return said


def refused(recon, *arguments, code=2):
    """The one line of a refusal."""
    return recon("run", *arguments, code=code).stderr.strip().splitlines()[-1]


def flipped(path, count=3):
    """Change some labels of a volume's file."""
    array = zarr.open(path, mode="r+")["0"]
    labels = array[:]
    labels.ravel()[:count] = 1 - labels.ravel()[:count]
    array[:] = labels


def retold(path, **facts):
    """Change what a volume's file tells of its making."""
    group = zarr.open(path, mode="r+")
    group.attrs["recon"] = {**group.attrs["recon"], **facts}


def test_a_volume_and_the_samples_of_an_ensemble(recon):
    recon(*SMALL, "--seed", 5, "--samples", 3, "--out", "out")
    assert "seed 5" in identical(recon, "out/000.zarr")
    assert "seed 7" in identical(recon, "out/002.zarr")
    assert [path.name for path in Path().iterdir()] == ["out"]


def test_with_out_the_volume_is_kept_and_is_one_of_its_kind(recon):
    recon(*SMALL, "--seed", 5, "--out", "out")
    identical(recon, "out/volume.zarr", "--out", "again")
    assert [path.name for path in Path("again").iterdir()] == ["volume.zarr"]
    one, other = Volume.open("out/volume.zarr"), Volume.open("again/volume.zarr")
    assert np.array_equal(one.labels, other.labels)
    told, again = one.provenance, other.provenance
    left_out = {"metric", "property"}
    assert {k: v for k, v in told["recipe"].items() if k not in left_out} == {
        k: v for k, v in again["recipe"].items() if k not in left_out
    }
    identical(recon, "again/volume.zarr")
    assert "holds something already" in refused(recon, "--from", "out/volume.zarr", "--out", "out")


@pytest.mark.slow
def test_weights_that_were_trained_on_the_way_are_found_when_the_folder_moves(recon):
    recon(*SMALL, "--micrographs", micrographs("m.zarr"), "--out", "out")
    shutil.rmtree("m.zarr")
    Path("out").rename("moved")
    identical(recon, "moved/volume.zarr")
    identical(recon, "moved/volume.zarr", "--out", "kept")
    identical(recon, "kept/volume.zarr")
    Path("moved/weights.safetensors").rename("elsewhere.safetensors")
    line = refused(recon, "--from", "moved/volume.zarr")
    assert (
        "weights weights.safetensors, SHA-256 " in line and "give their path by --weights" in line
    )
    identical(recon, "moved/volume.zarr", "--weights", "elsewhere.safetensors")


def test_an_anchor_comes_from_the_volume_itself(recon):
    labels = np.random.default_rng(0).random((10, 16)) < 0.4
    np.save("slice.npy", labels.astype(np.uint8))
    recon(*SMALL, "--anchor", "xy:5=slice.npy", "--out", "out")
    Path("slice.npy").unlink()
    assert len(Volume.open("out/volume.zarr").provenance["anchors_sha256"]["xy:5"]) == 64
    identical(recon, "out/volume.zarr")
    array = zarr.open("out/volume.zarr", mode="r+")["0"]
    array[5, 0, 0] = 1 - array[5, 0, 0]
    line = refused(recon, "--from", "out/volume.zarr", code=1)
    assert "the slice xy:5 in the file is not the anchor it was made with" in line


def test_made_in_slabs_and_again_in_memory(recon, monkeypatch):
    monkeypatch.setattr("recon.workflow.executors.local.choose_thickness", lambda *_: 8)
    recon(*SMALL, "--out", "out")
    monkeypatch.setattr("recon.workflow.executors.local.choose_thickness", lambda *_: None)
    identical(recon, "out/volume.zarr")


def test_voxels_that_differ_are_counted_and_changes_told(recon):
    recon(*SMALL, "--out", "out")
    flipped("out/volume.zarr")
    line = refused(recon, "--from", "out/volume.zarr", code=1)
    assert "3 of 1920 voxels differ (0.156 %)" in line
    assert line.endswith("so it was altered later or made on another machine")
    told = zarr.open("out/volume.zarr", mode="r").attrs["recon"]
    versions = told["versions"] | {"torch": "1.0", "microrecon": "0.0.1"}
    retold("out/volume.zarr", versions=versions, device="cpu of old")
    line = refused(recon, "--from", "out/volume.zarr", code=1)
    for change in ("device cpu of old, now cpu", "torch 1.0, now ", "microrecon 0.0.1, now "):
        assert change in line


def test_changes_to_no_effect_are_told_beside(recon):
    recon(*SMALL, "--out", "out")
    told = zarr.open("out/volume.zarr", mode="r").attrs["recon"]
    retold("out/volume.zarr", versions=told["versions"] | {"torch": "1.0"})
    said = identical(recon, "out/volume.zarr")
    assert "changed since then, without effect: torch 1.0, now " in said


def test_other_weights_under_the_same_name(recon):
    train = ("train", "--denoiser", "gaussian", "--out", "w.safetensors")
    recon(*train, micrographs("m.zarr"))
    recon(*SMALL, "--weights", "w.safetensors", "--out", "out")
    Path("w.safetensors").unlink()
    recon(*train, micrographs("other.zarr", 1))
    line = refused(recon, "--from", "out/volume.zarr", code=1)
    assert "voxels differ" in line and "; changed: weights' SHA-256 " in line


BROKEN = {
    "no provenance": (lambda told: {}, "it does not record its recipe"),
    "unknown key": (
        lambda told: told | {"recipe": told["recipe"] | {"colour": 3}},
        "unknown key of the recipe 'colour'",
    ),
    "unknown plugin": (
        lambda told: told | {"recipe": told["recipe"] | {"denoiser": {"name": "gone"}}},
        "unknown denoiser 'gone'",
    ),
    "another shape": (
        lambda told: told | {"recipe": told["recipe"] | {"shape": [12, 10, 20]}},
        "it has 12 x 10 x 16 voxels, but its recipe has another shape",
    ),
    "no weights": (
        lambda told: told | {"recipe": told["recipe"] | {"weights": "/gone/w.safetensors"}},
        "its weights /gone/w.safetensors are missing",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_made_again_is_one_line(recon, case):
    recon(*SMALL, "--out", "out")
    change, message = BROKEN[case]
    group = zarr.open("out/volume.zarr", mode="r+")
    group.attrs["recon"] = change(dict(group.attrs["recon"]))
    line = refused(recon, "--from", "out/volume.zarr")
    assert "out/volume.zarr cannot be reproduced: " in line and message in line


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--steps", 5), "--steps"),
        (("recipe.toml",), "RECIPE"),
        (("--set", "harmonizer.gamma=1"), "--set"),
        (("--fail-on", "close"), "--fail-on"),
        (("--dry-run",), "--dry-run"),
        (("--resume",), "--resume"),
        (("--seed", 0), "--seed"),
    ],
)
def test_flags_that_contradict_are_refused(recon, flags, named):
    line = refused(recon, "--from", "volume.zarr", *flags)
    expected = f"--from reproduces a volume by its own recipe, got {named} too; leave it out"
    assert line == f"Error: {expected}"


def stopped(recon, monkeypatch, *run):
    """A run that ends, all but concluded, by an interruption."""

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("recon.workflow.run.conclude", interrupt)
    recon(*run, code=130)
    monkeypatch.setattr("recon.workflow.run.conclude", conclude)


def test_resume_refuses_other_weights(recon, monkeypatch):
    train = ("train", "--denoiser", "gaussian", "--out", "w.safetensors")
    recon(*train, micrographs("m.zarr"))
    run = (*SMALL, "--weights", "w.safetensors", "--out", "out")
    stopped(recon, monkeypatch, *run)
    Path("w.safetensors").rename("right.safetensors")
    recon(*train, micrographs("other.zarr", 1))
    line = refused(recon, *run[1:], "--resume")
    assert "the run in out was begun with other weights: weights' SHA-256 " in line
    Path("right.safetensors").replace("w.safetensors")
    recon(*run, "--resume")


def test_resume_refuses_other_anchors(recon, monkeypatch):
    labels = (np.random.default_rng(0).random((10, 16)) < 0.4).astype(np.uint8)
    np.save("slice.npy", labels)
    run = (*SMALL, "--anchor", "xy:5=slice.npy", "--out", "out")
    stopped(recon, monkeypatch, *run)
    np.save("slice.npy", 1 - labels)
    line = refused(recon, *run[1:], "--resume")
    assert "the run in out was begun with other slices as anchors xy:5; put the files back" in line
    np.save("slice.npy", labels)
    recon(*run, "--resume")
    assert np.array_equal(Volume.open("out/volume.zarr").labels[5], labels)


@pytest.mark.filterwarnings("default:changed since")
def test_resume_tells_of_other_versions(recon, monkeypatch):
    run = (*SMALL, "--out", "out")
    stopped(recon, monkeypatch, *run)
    note = Path("out/.state/begun.json")
    text = note.read_text()
    note.write_text(text.replace('"numpy": "', '"numpy": "0.'))
    errors = recon(*run, "--resume").stderr
    assert "warning: changed since the run in out was begun: numpy 0." in errors
    assert Volume.open("out/volume.zarr").shape == (12, 10, 16)


@pytest.mark.slow
def test_a_run_leaves_the_number_of_threads_to_the_next(recon):
    """numba's kernels made theirs torch's: the next run in the process rounded otherwise."""
    torch.set_num_threads(1)
    recon(*SMALL, "--micrographs", micrographs("m.zarr"), "--out", "out")
    assert torch.get_num_threads() == 1
    assert Volume.open("out/volume.zarr").provenance["threads"] == 1
