"""What is set by eye, and the command that does the same."""

import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

from recon.core import Micrographs, ReconError
from recon.imaging.load import read_pictures
from recon.imaging.widget import choices
from recon.imaging.widget.choices import Choices, are_labels, propose_thresholds, segment

ROOT = Path(__file__).parents[3]


@pytest.fixture
def images(recon):
    """Three grey images of three phases in an empty folder, and labels of the first."""
    rng = np.random.default_rng(0)
    for name in ("top", "front", "side"):
        truth = np.kron(rng.integers(0, 3, (12, 15)), np.ones((8, 8), int))
        grey = np.clip(40 + 80 * truth + rng.normal(0, 8, truth.shape), 0, 255).astype(np.uint8)
        tifffile.imwrite(f"{name}.tif", grey)
        tifffile.imwrite(f"{name}_labels.tif", truth.astype(np.uint8))
    return recon


def read(*names):
    return read_pictures({"xy": [Path(name) for name in names]})["xy"]


def make(**given):
    planes = {"xy": [Path("top.tif")], "xz": [Path("front.tif")], "yz": [Path("side.tif")]}
    return Choices(**{"planes": planes, "thresholds": (77.123456789, 160.0), **given})


@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        {"names": ("pore", "active material", "binder"), "pixel_size": "0.2um"},
        {
            "planes": {"xy": [Path("top.tif")], "xz": [Path("front.tif")]},
            "symmetry": "transverse z",
        },
        {"planes": {"yz": [Path("top_labels.tif")]}, "symmetry": "isotropic", "thresholds": ()},
    ],
)
def test_the_command_makes_the_same_micrographs(images, given):
    chosen = make(**given)
    line, notices = chosen.save(Path("eye.zarr"))
    words = shlex.split(chosen.format_command(Path("typed.zarr")))
    result = images(*words[1:])
    assert line.replace("eye", "typed") in result.stdout
    for notice in notices:
        assert notice.split("=")[0].rpartition(" ")[0] in result.stderr
    eye, typed = Micrographs.open("eye.zarr"), Micrographs.open("typed.zarr")
    assert eye.phases == typed.phases and eye.voxel_size == typed.voxel_size
    for plane, stack in typed.planes.items():
        for one, other in zip(stack, eye.planes[plane], strict=True):
            assert_array_equal(one, other)
    assert eye.origin["thresholds" if chosen.thresholds else "values"]
    assert Path("eye.png").exists()


def test_labels_follow_the_thresholds_and_of_label_images_their_values(images):
    grey, truth = tifffile.imread("top.tif"), tifffile.imread("top_labels.tif")
    assert_array_equal(segment(read("top.tif"), (60.0, 200.0)), (grey >= 60) * 1 + (grey >= 200))
    assert_array_equal(segment(read("top.tif", "front.tif"), (90.0,))[0], grey >= 90)
    assert are_labels(read("top_labels.tif")) and not are_labels(read("top.tif"))
    assert_array_equal(segment(read("top_labels.tif"), ()), truth)
    cuts = propose_thresholds(read("top.tif"), 3)
    assert (segment(read("top.tif"), cuts) == truth).mean() > 0.99


@pytest.mark.slow
def test_nothing_is_replaced_unasked_and_no_image_is_no_micrograph(images):
    make().save(Path("m.zarr"))
    with pytest.raises(ReconError, match="exists already"):
        make().save(Path("m.zarr"))
    make().save(Path("m.zarr"), force=True)
    with pytest.raises(ReconError, match="no image has a plane"):
        make(planes={}).save(Path("n.zarr"))
    Path("p.png").write_bytes((ROOT / "docs" / "pictures" / "mesh.png").read_bytes())
    with pytest.raises(ReconError, match="no preview"):
        make().save(Path("p.zarr"))


def test_the_manifest_is_found_and_names_what_is_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, file = project["entry-points"]["napari.manifest"]["microrecon"].partition(":")
    assert module == choices.__name__.rpartition(".")[0]
    manifest = (ROOT / "imaging" / "widget" / file).read_text(encoding="utf-8")
    target, _, name = re.findall(r"python_name: (\S+)", manifest)[0].partition(":")
    source = ROOT / "imaging" / "widget" / f"{target.rpartition('.')[2]}.py"
    assert f"class {name}(" in source.read_text(encoding="utf-8")
    commands = re.findall(r"(?:id|command): (\S+)", manifest)
    assert len(commands) == 2 and len(set(commands)) == 1
    assert f"name: {project['name']}\n" in manifest
