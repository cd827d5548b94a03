import shlex
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

from recon.cli import main
from recon.cli.import_ import repeat_flags
from recon.core import Micrographs, ReconError

VOLUME = np.random.default_rng(0).integers(0, 2, (6, 7, 8), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for z, image in enumerate(VOLUME):
        Image.fromarray(image * 255).save(f"xy-{z}.png")
    np.save("xz.npy", VOLUME.transpose(1, 0, 2) * 255)
    tifffile.imwrite("yz.tif", VOLUME.transpose(2, 0, 1) * 255)
    return tmp_path


def run(line):
    return CliRunner().invoke(main, ["import", *shlex.split(line)])


def refused(line, folder):
    """The one line of a refusal that leaves nothing behind."""
    before = sorted(folder.iterdir())
    result = run(line)
    assert result.exit_code == 2, result.output
    assert sorted(folder.iterdir()) == before
    (error,) = result.stderr.splitlines()
    assert error.startswith("Error: ")
    assert not result.stdout
    return error


def test_files_of_three_formats_on_three_planes(folder):
    names = " ".join(f"xy-{z}.png" for z in range(6))
    result = run(
        f"--xy {names} --xz xz.npy --yz yz.tif --voxel-size 0.5um,0.4um,400nm --out m.zarr"
    )
    assert result.exit_code == 0, result.output
    micrographs = Micrographs.open("m.zarr")
    for axis, plane in enumerate(("xy", "xz", "yz")):
        np.testing.assert_array_equal(
            np.stack(micrographs.planes[plane]), np.moveaxis(VOLUME, axis, 0)
        )
    assert micrographs.voxel_size == (5e-7, 4e-7, 4e-7)
    assert micrographs.phases == ("0", "1")
    assert result.stderr == "notice: label images: the values 0, 255 are the phases 0, 1\n"
    share = VOLUME.mean()
    assert result.stdout == (
        "m.zarr: xy 6 slices of 7x8; xz 7 slices of 6x8; yz 8 slices of 6x7; "
        f"phases 0 {1 - share:.3f}, 1 {share:.3f}\n"
    )


def test_a_glob_expanded_by_a_shell(folder):
    recon = shlex.join([sys.executable, "-c", "from recon.cli import main; main()"])
    line = f"{recon} import --xy xy-*.png --yz yz.tif --out m.zarr"
    result = subprocess.run(line, shell=True, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert len(Micrographs.open("m.zarr").planes["xy"]) == 6


@pytest.mark.parametrize(
    "line",
    [
        "--xy xy-0.png --xy xy-1.png --out m.zarr",
        "--xy=xy-0.png xy-1.png --out m.zarr",
        "--out m.zarr --xy xy-0.png xy-1.png",
        "--xy xy-0.png --out=m.zarr --xy xy-1.png",
    ],
)
def test_flags_may_be_repeated_and_stand_anywhere(folder, line):
    assert run(line).exit_code == 0
    assert len(Micrographs.open("m.zarr").planes["xy"]) == 2


def test_words_after_a_flag_belong_to_it_up_to_the_next():
    line = "--xy a b=c --phases 3 --yz=d e --out f -h"
    repeated = "--xy=a --xy=b=c --phases 3 --yz=d --yz=e --out f -h"
    assert " ".join(repeat_flags(shlex.split(line))) == repeated


@pytest.mark.parametrize("words", ["--xy", "--xy --out a", "a --yz -h"])
def test_a_flag_without_files_is_refused(words):
    with pytest.raises(ReconError, match="needs one or more image files"):
        repeat_flags(words.split())


def test_isotropic_and_transverse(folder):
    assert run("--xz xz.npy --isotropic --out i.zarr").exit_code == 0
    planes = Micrographs.open("i.zarr").planes
    assert all(np.array_equal(planes[plane], planes["xz"]) for plane in ("xy", "yz"))
    assert run("--xz xz.npy --xy xy-0.png xy-1.png --transverse y --out t.zarr").exit_code == 0
    planes = Micrographs.open("t.zarr").planes
    np.testing.assert_array_equal(planes["yz"][1], planes["xy"][1].T)


def test_grey_images_need_a_number_of_phases(folder):
    grey = np.random.default_rng(1).integers(0, 50, (20, 20)) + 100 * (np.arange(20) % 3)
    np.save("grey.npy", grey)
    assert "give --phases K" in refused("--xy grey.npy --out m.zarr", folder)
    result = run("--xy grey.npy --phases 3 --out m.zarr")
    assert result.exit_code == 0
    assert "Otsu's thresholds over all images" in result.stderr
    (image,) = Micrographs.open("m.zarr").planes["xy"]
    np.testing.assert_array_equal(image, np.tile(np.arange(20) % 3, (20, 1)))


def stated(name, image, rows, columns):
    resolution = (1 / columns, 1 / rows)
    tifffile.imwrite(name, image, imagej=True, resolution=resolution, metadata={"unit": "um"})


def test_the_voxel_size_that_the_files_state(folder):
    stated("xy.tif", VOLUME[0], 0.4, 0.5)
    stated("xz.tif", VOLUME[:, 0], 0.2, 0.5)
    result = run("--xy xy.tif --xz xz.tif --out m.zarr")
    assert "voxel size 200nm,400nm,500nm (z,y,x) is taken from the TIFF files" in result.stderr
    assert Micrographs.open("m.zarr").voxel_size == pytest.approx((2e-7, 4e-7, 5e-7), rel=1e-12)
    assert run("--xy xy.tif --xz xz.tif --voxel-size 1um --out n.zarr").exit_code == 0
    assert Micrographs.open("n.zarr").voxel_size == (1e-6, 1e-6, 1e-6)


def test_a_length_that_no_file_states_is_that_of_square_pixels(folder):
    stated("xy.tif", VOLUME[0], 0.4, 0.4)
    assert run("--xy xy.tif --out m.zarr").exit_code == 0
    assert Micrographs.open("m.zarr").voxel_size == (4e-7,) * 3
    stated("flat.tif", VOLUME[0], 0.2, 0.4)
    assert "pixels are not square" in refused("--xy flat.tif --out n.zarr", folder)


def test_files_that_state_different_sizes_are_refused(folder):
    stated("a.tif", VOLUME[0], 0.4, 0.4)
    stated("b.tif", VOLUME[:, 0], 0.5, 0.5)
    error = refused("--xy a.tif --xz b.tif --out m.zarr", folder)
    assert "a.tif and b.tif differ in their pixel size along x: 400nm and 500nm" in error


def test_without_a_stated_size_lengths_are_voxels(folder):
    result = run("--xy xy-0.png --out m.zarr")
    assert "lengths are in voxels" in result.stderr
    assert Micrographs.open("m.zarr").voxel_size == (1.0, 1.0, 1.0)


def test_a_voxel_of_metres_is_remarked(folder):
    assert "is the unit missing" in run("--xy xy-0.png --voxel-size 0.4 --out m.zarr").stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--out m.zarr", "no image was given"),
        ("--xy --out m.zarr", "--xy needs one or more image files"),
        ("--xy none.png --out m.zarr", "none.png does not exist"),
        ("--xy empty.png --out m.zarr", "empty.png is empty"),
        ("--xy cut.png --out m.zarr", "cut.png is damaged"),
        ("--xy nan.npy --out m.zarr", "nan.npy must hold finite numbers"),
        ("--xy one.npy --out m.zarr", "at least two phases"),
        ("--xy xy-0.png --xz three.npy --out m.zarr", "xy 0, 255; xz 0, 1, 2"),
        ("--xy xy-0.png --phases 3 --out m.zarr", "3 phases need as many distinct values"),
        ("--xy xy-0.png --phases -3 --out m.zarr", "must be in [2, 255], got -3"),
        ("--xy xy-0.png --voxel-size -1um --out m.zarr", "length must be a length > 0"),
        ("--xy xy-0.png --voxel-size 0,4um --out m.zarr", "must be one length or three"),
        ("--xy xy-0.png --isotropic --transverse z --out m.zarr", "exclude each other"),
        ("--xy xy-0.png --xz xz.npy --isotropic --out m.zarr", "exactly one plane"),
        ("--xy xy-0.png --transverse z --out m.zarr", "needs the plane xy and one of"),
        ("--xy xy-0.png --out taken.zarr", "taken.zarr exists already"),
        ("--xy xy-0.png --out empty.png", "empty.png exists already"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_leaves_nothing(folder, line, message):
    (folder / "empty.png").touch()
    (folder / "cut.png").write_bytes((folder / "xy-0.png").read_bytes()[:60])
    (folder / "taken.zarr").mkdir()
    np.save("nan.npy", np.array([[0.0, np.nan]]))
    np.save("one.npy", np.ones((3, 3), int))
    np.save("three.npy", np.arange(3).reshape(1, 3))
    assert message in refused(line, folder)
