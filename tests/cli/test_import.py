import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

from recon.cli import main
from recon.cli.repeated import repeat_flags
from recon.core import Micrographs, ReconError, Volume

VOLUME = np.random.default_rng(0).integers(0, 2, (6, 7, 8), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for z, image in enumerate(VOLUME):
        Image.fromarray(image * 255).save(f"xy-{z}.png")
    np.save("xz.npy", VOLUME.transpose(1, 0, 2) * 255)
    tifffile.imwrite("yz.tif", VOLUME.transpose(2, 0, 1) * 255)
    return tmp_path


def run(line, preview=False):
    """The command; without its picture, which takes a second, where no test looks at it."""
    quick = [] if preview or "--preview" in line else ["--preview", "none"]
    return CliRunner().invoke(main, ["import", *quick, *shlex.split(line)])


def refused(line, folder, preview=False):
    """The one line of a refusal that leaves nothing behind."""
    before = sorted(folder.iterdir())
    result = run(line, preview)
    assert result.exit_code == 2, result.output
    assert sorted(folder.iterdir()) == before
    (error,) = result.stderr.splitlines()
    assert error.startswith("Error: ")
    assert not result.stdout
    return error


def test_files_of_three_formats_on_three_planes(folder):
    names = " ".join(f"xy-{z}.png" for z in range(6))
    result = run(
        f"--xy {names} --xz xz.npy --yz yz.tif --voxel-size 0.5um,0.4um,400nm --out m.zarr",
        preview=True,
    )
    assert result.exit_code == 0, result.output
    micrographs = Micrographs.open("m.zarr")
    for axis, plane in enumerate(("xy", "xz", "yz")):
        np.testing.assert_array_equal(
            np.stack(micrographs.planes[plane]), np.moveaxis(VOLUME, axis, 0)
        )
    assert micrographs.voxel_size == (5e-7, 4e-7, 4e-7)
    assert micrographs.phases == ("0", "1")
    assert "notice: label images: the values 0, 255 are the phases 0, 1\n" in result.stderr
    share = VOLUME.mean()
    assert result.stdout == (
        "m.zarr: xy 6 slices of 7x8; xz 7 slices of 6x8; yz 8 slices of 6x7; "
        f"phases 0 {1 - share:.3f}, 1 {share:.3f}\n"
        "m.png: preview of the phases; check it\n"
    )


@pytest.mark.slow
def test_a_glob_expanded_by_a_shell(folder):
    recon = shlex.join([sys.executable, "-c", "from recon.cli import main; main()"])
    line = f"{recon} import --xy xy-*.png --yz yz.tif --preview none --out m.zarr"
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
    assert "voxel size 200nm,400nm,500nm (z,y,x) is taken from the files" in result.stderr
    assert Micrographs.open("m.zarr").voxel_size == pytest.approx((2e-7, 4e-7, 5e-7), rel=1e-12)


def test_a_length_that_no_file_states_is_that_of_square_pixels(folder):
    stated("xy.tif", VOLUME[0], 0.4, 0.4)
    assert run("--xy xy.tif --out m.zarr").exit_code == 0
    assert Micrographs.open("m.zarr").voxel_size == (4e-7,) * 3
    stated("flat.tif", VOLUME[0], 0.2, 0.4)
    assert "pixels are not square" in refused("--xy flat.tif --out n.zarr", folder)


COARSE = np.kron(np.random.default_rng(3).integers(0, 2, (20, 24)), np.ones((2, 2), int))
FINE = np.kron(COARSE, np.ones((4, 4), int))


def test_planes_of_different_pixel_size_get_the_coarsest(folder):
    stated("a.tif", FINE.astype(np.uint8) * 255, 0.1, 0.1)
    stated("b.tif", COARSE.astype(np.uint8) * 255, 0.4, 0.4)
    result = run("--xy a.tif --xz b.tif --out m.zarr")
    assert result.exit_code == 0, result.output
    assert (
        "a.tif and b.tif differ in their pixel size along x: 100nm and 400nm, so voxels are 400nm"
    ) in result.stderr
    assert "1 image of xy (a.tif) resampled from 100nm to 400nm a pixel by maj" in result.stderr
    micrographs = Micrographs.open("m.zarr")
    assert micrographs.voxel_size == pytest.approx((4e-7,) * 3)
    for plane in ("xy", "xz"):
        np.testing.assert_array_equal(micrographs.planes[plane][0], COARSE)


def test_grey_planes_are_resampled_before_they_are_cut(folder):
    """Noise of the fine plane averages out over its 16 pixels, so that no label is wrong."""
    noise = np.random.default_rng(4).normal(0, 40, FINE.shape)
    np.save("fine.npy", 60 + 100 * FINE + noise)
    Image.fromarray((60 + 100 * COARSE).astype(np.uint8)).save("coarse.png")
    sizes = "--pixel-size xy=0.1um --pixel-size 0.4um"
    result = run(f"--xy fine.npy --xz coarse.png --phases 2 {sizes} --out m.zarr")
    assert result.exit_code == 0, result.output
    assert "by area averages of grey values" in result.stderr
    np.testing.assert_array_equal(Micrographs.open("m.zarr").planes["xy"][0], COARSE)


def test_voxel_size_is_the_size_of_the_result(folder):
    stated("a.tif", COARSE.astype(np.uint8) * 255, 0.2, 0.2)
    assert run("--xy a.tif --voxel-size 0.4um --out m.zarr").exit_code == 0
    micrographs = Micrographs.open("m.zarr")
    assert micrographs.voxel_size == (4e-7,) * 3
    np.testing.assert_array_equal(micrographs.planes["xy"][0], COARSE[::2, ::2])
    line = "--xy a.tif --pixel-size 0.4um --voxel-size 0.5um,0.4um,0.4um --out n.zarr"
    assert run(line).exit_code == 0
    micrographs = Micrographs.open("n.zarr")
    assert micrographs.voxel_size == (5e-7, 4e-7, 4e-7)
    np.testing.assert_array_equal(micrographs.planes["xy"][0], COARSE)


def test_one_unknown_pixel_size_among_different_ones_is_refused(folder):
    stated("a.tif", FINE.astype(np.uint8), 0.1, 0.1)
    stated("b.tif", COARSE.astype(np.uint8), 0.4, 0.4)
    np.save("c.npy", COARSE)
    error = refused("--xy a.tif --xz b.tif --yz c.npy --out m.zarr", folder)
    assert "pixel size of c.npy is unknown while others differ" in error
    assert "give --pixel-size PLANE=LENGTH" in error
    result = run("--xy b.tif --xz c.npy --out m.zarr")
    assert "pixel size of c.npy is taken to be that of the other images" in result.stderr


def test_planes_that_do_not_belong_together_are_told_of(folder):
    rng = np.random.default_rng(0)
    for name, share in (("a", 0.3), ("b", 0.6)):
        np.save(f"{name}.npy", (rng.random((96, 96)) < share).astype(int))
    result = run("--xy a.npy --xz b.npy --out m.zarr")
    assert result.exit_code == 0
    *_, line, windows, _ = result.stderr.splitlines()
    assert line.startswith("notice: along x the mean chord of phase 0 is")
    assert windows.startswith("notice: independent windows")


@pytest.mark.slow
def test_a_volume_is_cut_along_three_axes(folder):
    volume = np.random.default_rng(0).integers(0, 2, (8, 40, 70), dtype=np.uint8)
    tifffile.imwrite(
        "v.tif",
        volume,
        ome=True,
        metadata={"PhysicalSizeX": 0.3, "PhysicalSizeY": 0.4, "PhysicalSizeZ": 0.5},
    )
    assert run("--volume v.tif --every 7 --out m.zarr").exit_code == 0
    micrographs = Micrographs.open("m.zarr")
    assert micrographs.voxel_size == pytest.approx((5e-7, 4e-7, 3e-7))
    for axis, (plane, places) in enumerate(
        {"xy": [0, 7], "xz": range(2, 40, 7), "yz": range(3, 70, 7)}.items()
    ):
        expected = [volume.take(place, axis) for place in places]
        np.testing.assert_array_equal(np.stack(micrographs.planes[plane]), expected)
    assert run("--volume v.tif --out n.zarr").exit_code == 0
    counts = [len(stack) for stack in Micrographs.open("n.zarr").planes.values()]
    assert counts == [8, 40, 35]


def test_a_volume_of_recon_is_cut(folder):
    Volume(VOLUME, (4e-7,) * 3).save("v.zarr")
    assert run("--volume v.zarr --out m.zarr").exit_code == 0
    micrographs = Micrographs.open("m.zarr")
    np.testing.assert_array_equal(np.stack(micrographs.planes["xy"]), VOLUME)
    assert micrographs.voxel_size == (4e-7,) * 3


def test_the_preview_stands_beside_and_only_a_preview_is_written_over(folder):
    line = "--xy xy-0.png --out m.zarr"
    assert run(line, preview=True).exit_code == 0
    with Image.open("m.png") as picture:
        assert min(picture.size) > 400
    shutil.rmtree("m.zarr")
    assert run(line, preview=True).exit_code == 0
    shutil.rmtree("m.zarr")
    Image.fromarray(VOLUME[0]).save("m.png")
    assert "m.png exists already and is no preview" in refused(line, folder, preview=True)
    assert run(f"{line} --preview none").exit_code == 0
    assert run("--xy xy-0.png --out n.zarr --preview pictures/look.png").exit_code == 0
    assert (folder / "pictures/look.png").is_file()
    assert not (folder / "n.png").exists()


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
        ("--xy xy-0.png --crop 0,1,0 --out m.zarr", "must be four numbers of pixels"),
        ("--xy xy-0.png --crop 0,-1,0,0 --out m.zarr", "must be four numbers of pixels"),
        ("--xy xy-0.png --crop 0,9,0,0 --out m.zarr", "leaves 0 x 8 of xy-0.png (7 x 8)"),
        ("--xy grey.npy --crop 5,0,0,0 --out m.zarr", "leaves 15 x 20 of grey.npy (20 x 20)"),
        ("--xy xy-0.png --crop xz=0,1,0,0 --out m.zarr", "no image of plane xz was given"),
        ("--xy xy-0.png --pixel-size zx=1um --out m.zarr", "unknown plane in --pixel-size 'zx'"),
        ("--xy xy-0.png --pixel-size yz=1um --out m.zarr", "no image of plane yz was given"),
        ("--xy xy-0.png --pixel-size 1um --pixel-size 2um --out m.zarr", "2 times"),
        ("--xy xy-0.png --pixel-size xy=1um --pixel-size xy=1um --out m.zarr", "xy twice"),
        ("--xy xy-0.png --pixel-size 1,2um --out m.zarr", "must be one length or two"),
        ("--xy xy-0.png --pixel-size 0um --out m.zarr", "length must be a length > 0"),
        ("--xy grey.npy --out m.zarr", "give --phases K or --thresholds A,B"),
        ("--xy grey.npy --thresholds 200,100 --out m.zarr", "must ascend"),
        ("--xy grey.npy --thresholds x --out m.zarr", "must be numbers separated by commas"),
        ("--xy grey.npy --thresholds 10,900 --out m.zarr", "leave phase 2 without a pixel"),
        ("--xy grey.npy --thresholds 90 --phases 3 --out m.zarr", "needs 2 thresholds, got 1"),
        ("--xy grey.npy --thresholds 90 --per-plane --out m.zarr", "exclude each other"),
        ("--xy xy-0.png --denoise tv --out m.zarr", "--denoise is for grey images"),
        ("--xy xy-0.png --per-plane --out m.zarr", "--per-plane is for grey images"),
        ("--xy grey.npy --denoise x --phases 2 --out m.zarr", "'x' is not one of 'median'"),
        ("--xy xy-0.png --volume yz.tif --out m.zarr", "exclude each other"),
        ("--xy xy-0.png --every 2 --out m.zarr", "--every is for --volume"),
        ("--volume yz.tif --every 0 --out m.zarr", "--every must be in [1, 6]"),
        ("--volume xy-0.png --out m.zarr", "xy-0.png is no volume"),
        ("--xy xy-0.png --preview look.jpg --out m.zarr", "must be a .png file or none"),
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
    np.save("grey.npy", np.arange(400).reshape(20, 20))
    np.save("three.npy", np.arange(3).reshape(1, 3))
    assert message in refused(line, folder)


@pytest.mark.skipif(sys.platform != "linux", reason="names are text on other systems")
def test_names_that_are_not_utf8(folder, recon):
    """A Latin-1 micro sign, as old archives unpack to."""
    odd = os.fsdecode(b"5\xb5m")
    (folder / "xy-0.png").rename(f"{odd}.png")
    result = run(f"--xy {odd}.png --isotropic --out m{odd}.zarr", preview=True)
    assert result.exit_code == 0, result.output
    names = Micrographs.open(f"m{odd}.zarr").origin["images"]["xy"]
    Volume(VOLUME).save(f"{odd}-v.zarr")
    recon("export", f"{odd}-v.zarr", *(f"{odd}.{format}" for format in ("raw", "vti", "inp")))
    header = Path(f"{odd}.mhd").read_bytes()
    assert b"ElementDataFile = 5\xb5m.raw\n" in header
    assert names == ["5\N{REPLACEMENT CHARACTER}m.png"]


@pytest.mark.slow
def test_phases_are_named_and_names_go_on(folder, recon):
    result = run("--volume yz.tif --phases pore,polymer --out m.zarr --every 1")
    assert result.exit_code == 0, result.output
    assert "pore 0." in result.stdout and "polymer 0." in result.stdout
    assert Micrographs.open("m.zarr").phases == ("pore", "polymer")
    flags = ("--denoiser", "gaussian", "--harmonizer", "none", "--schedule", "simultaneous")
    flags += ("--no-classifier",)
    recon("run", "--micrographs", "m.zarr", *flags, "--steps", 2, "--shape", 6, 6, 6, "--out", "o")
    assert Volume.open("o/volume.zarr").phases == ("pore", "polymer")
    assert "polymer" in Path("o/report.html").read_text()
    recon("export", "o/volume.zarr", "a.inp")
    assert "ELSET=PHASE_POLYMER" in Path("a.inp").read_text()
    for text, message in (
        ("pore,polymer,binder", "3 phases need as many distinct values, got 2"),
        ("pore", "two names or more"),
        ("pore,,x", "two names or more"),
        ("a,a", "different names"),
    ):
        error = run(f"--volume yz.tif --phases {text} --out n.zarr")
        assert error.exit_code == 2 and message in error.stderr
    assert not Path("n.zarr").exists()


def test_force_replaces_micrographs_and_nothing_else(folder):
    (folder / "notes.zarr").mkdir()
    assert run("--xy xy-0.png --isotropic --out m.zarr").exit_code == 0
    refused("--xy xy-1.png --isotropic --out m.zarr", folder)
    assert run("--xy xy-0.png xy-1.png --isotropic --out m.zarr --force").exit_code == 0
    assert len(Micrographs.open("m.zarr").planes["xy"]) == 2
    error = refused("--xy xy-0.png --isotropic --out notes.zarr --force", folder)
    assert "holds no micrographs and is not replaced" in error
    Volume(VOLUME).save("v.zarr")
    assert "not replaced" in refused("--xy xy-0.png --isotropic --out v.zarr --force", folder)
    # What fails leaves the old ones.
    refused("--xy xy-0.png --isotropic --phases 9 --out m.zarr --force", folder)
    assert len(Micrographs.open("m.zarr").planes["xy"]) == 2
