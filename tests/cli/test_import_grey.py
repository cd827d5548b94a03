"""Grey images through `recon import`: crop, colours, thresholds, filters, what the file keeps."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recon.core import Micrographs


@pytest.fixture
def run(recon):
    """The command without its picture, in an empty folder."""

    def call(line, code=0):
        return recon("import", "--preview", "none", *shlex.split(line), code=code)

    return call


BANNER = np.zeros((24, 120), np.uint8)
BANNER[8:16, 10:60:3] = 255


def micrograph(seed):
    """A grey image of two phases (96, 120) with a banner of 24 rows under it, and its labels."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 2, (12, 15)), np.ones((8, 8), int))
    grey = np.clip(80 + 80 * truth + rng.normal(0, 8, truth.shape), 0, 255).astype(np.uint8)
    return np.vstack([grey, BANNER]), truth


def test_a_banner_is_told_of_and_cut_off_on_demand(run):
    grey, truth = micrograph(0)
    Image.fromarray(grey).save("a.png")
    result = run("--xy a.png --phases 2 --out m.zarr")
    assert "the lowest 24 rows of a.png look like a banner; --crop 0,24,0,0" in result.stderr
    assert Micrographs.open("m.zarr").planes["xy"][0].shape == (120, 120)
    result = run("--xy a.png --phases 2 --crop 0,24,0,0 --out n.zarr")
    assert "banner" not in result.stderr
    np.testing.assert_array_equal(Micrographs.open("n.zarr").planes["xy"][0], truth)


def test_crop_may_differ_between_planes(run):
    for seed, name in enumerate("ab"):
        Image.fromarray(micrograph(seed)[0]).save(f"{name}.png")
    line = "--xy a.png --xz b.png --phases 2 --crop 1,2,3,4 --crop xz=0,24,0,10 --out m.zarr"
    run(line)
    planes = Micrographs.open("m.zarr").planes
    assert (planes["xy"][0].shape, planes["xz"][0].shape) == ((117, 113), (96, 110))


def test_colours_are_turned_to_grey_with_a_notice(run):
    grey, truth = micrograph(0)
    colours = np.stack([grey[:96], grey[:96] // 2, 255 - grey[:96]], -1)
    Image.fromarray(colours).save("a.png")
    assert "xy images are grey" in run("--xy a.png --out m.zarr", code=2).stderr
    result = run("--xy a.png --phases 2 --out m.zarr")
    assert "colours of a.png are turned to grey by their luminance" in result.stderr
    np.testing.assert_array_equal(Micrographs.open("m.zarr").planes["xy"][0], truth)


def test_types_without_a_common_threshold_are_refused(run):
    grey, truth = micrograph(0)
    Image.fromarray(grey[:96]).save("a.png")
    Image.fromarray(grey[:96].astype(np.uint16) * 200).save("b.png")
    error = run("--xy a.png --xz b.png --phases 2 --out m.zarr", code=2).stderr
    assert "planes differ in type (xy uint8, xz uint16)" in error
    run("--xy a.png --xz b.png --phases 2 --per-plane --out m.zarr")
    np.testing.assert_array_equal(Micrographs.open("m.zarr").planes["xz"][0], truth)
    error = run("--xy a.png b.png --phases 2 --per-plane --out n.zarr", code=2).stderr
    assert "grey images of xy differ in type (b.png uint16, a.png uint8)" in error


def test_given_thresholds(run):
    np.save("grey.npy", np.arange(400).reshape(20, 20) % 200)
    result = run("--xy grey.npy --thresholds 50,120 --out m.zarr")
    assert "3 phases, darkest first, by thresholds 50, 120" in result.stderr
    (image,) = Micrographs.open("m.zarr").planes["xy"]
    expected = np.digitize(np.arange(400).reshape(20, 20) % 200, [50, 120])
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("name", ["median", "nlm", "tv"])
def test_denoising_gives_back_labels_that_noise_had_hidden(run, name):
    rng = np.random.default_rng(0)
    truth = np.kron(rng.integers(0, 2, (12, 15)), np.ones((8, 8), int))
    np.save("grey.npy", 100 + 100 * truth + rng.normal(0, 40, truth.shape))
    run("--xy grey.npy --phases 2 --out raw.zarr")
    result = run(f"--xy grey.npy --phases 2 --denoise {name} --out m.zarr")
    assert "grey images are denoised by" in result.stderr
    wrong = [
        (Micrographs.open(f"{file}.zarr").planes["xy"][0] != truth).mean() for file in ("raw", "m")
    ]
    assert wrong[0] > 0.08
    assert wrong[1] < 0.04


def test_the_file_tells_what_was_decided(run, tmp_path):
    Image.fromarray(micrograph(0)[0]).save("a.png")
    (tmp_path / "sub").mkdir()
    Image.fromarray(micrograph(1)[0]).save("sub/b.png")
    line = "--xy a.png sub/b.png --isotropic --phases 2 --crop 0,24,0,0 --denoise median"
    run(f"{line} --pixel-size 0.2um --voxel-size 0.4um --out m.zarr")
    origin = Micrographs.open("m.zarr").origin
    assert origin["images"] == {"xy": ["a.png", "b.png"]}
    assert origin["crop"] == {"xy": {"top": 0, "bottom": 24, "left": 0, "right": 0}}
    assert origin["pixel_size"] == {"xy": [[2e-7, 2e-7]]}
    assert origin["denoise"]["filter"] == "median"
    assert origin["symmetry"] == "isotropic"
    assert 100 < origin["thresholds"]["xy"][0] < 140
    assert any("resampled from 200nm to 400nm" in notice for notice in origin["notices"])
    assert str(tmp_path) not in str(origin)


def test_uneven_light_and_a_round_field(run):
    grey, truth = micrograph(0)
    rows, columns = np.mgrid[-1:1:96j, -1:1:120j]
    Image.fromarray((grey[:96] // 2 + 60 + 50 * columns).astype(np.uint8)).save("a.png")
    assert "--flatten corrects it" in run("--xy a.png --phases 2 --out m.zarr").stderr
    result = run("--xy a.png --phases 2 --flatten --out n.zarr")
    assert "uneven" not in result.stderr
    content = Micrographs.open("n.zarr")
    assert (content.planes["xy"][0] != truth).mean() < 0.01
    assert content.origin["flatten"]["span"] == pytest.approx(100, rel=0.1)
    inside = (rows**2 + columns**2 < 1) * np.uint8(1)
    Image.fromarray(grey[:96] * inside).save("b.png")
    Image.fromarray(inside).save("mask.png")
    assert "--mask auto excludes it" in run("--xy b.png --phases 2 --out o.zarr").stderr
    for number, mask in enumerate(("auto", "xy=mask.png")):
        run(f"--xy b.png --phases 2 --mask {mask} --out {number}.zarr")
        (labels,) = Micrographs.open(f"{number}.zarr").planes["xy"]
        assert labels.size < 0.7 * truth.size and abs(labels.mean() - truth.mean()) < 0.05
    said = "flatten is for grey images"
    Image.fromarray(truth.astype(np.uint8)).save("c.png")
    assert said in run("--xy c.png --flatten --out p.zarr", code=2).stderr.replace("--", "")


def test_preview_only_writes_the_picture_with_the_findings_of_the_planes(recon, monkeypatch):
    """Again and again, whatever stands at --out."""
    drawn = []
    monkeypatch.setattr(
        "recon.imaging.preview.draw_preview",
        lambda prepared, title, path: (drawn.append(prepared.notices), path.write_bytes(b"")),
    )
    grey, _ = micrograph(0)
    bright = np.where(np.random.default_rng(0).random((96, 120)) < 0.4, 0, grey[:96])
    Image.fromarray(grey[:96]).save("a.png")
    Image.fromarray(bright.astype(np.uint8)).save("b.png")
    line = "import --xy a.png --xz b.png --yz a.png --thresholds {} --out m.zarr --preview-only"
    for cut in (100, 120):
        result = recon(*shlex.split(line.format(cut)), "--preview", f"{cut}.png")
        assert "not written: xy 1 slice of 96x120" in result.stdout
    assert sorted(path.name for path in Path().iterdir()) == [
        "100.png", "120.png", "a.png", "b.png"
    ]  # fmt: skip
    assert any("disagree" in line or "differ" in line for line in drawn[0]), drawn[0]
    assert all(f"notice: {line}" in result.stderr for line in drawn[1])
    assert (
        "exclude each other"
        in recon(*shlex.split(line.format(90)), "--preview", "none", code=2).stderr
    )
