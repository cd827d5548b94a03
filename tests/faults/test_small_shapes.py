"""Images and volumes with sides of 1 to 5: every reader and command answers or says why not."""

import tempfile
from contextlib import chdir, contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from recon.cli import main
from recon.core import Micrographs, Volume, catalog
from recon.core.data.planes import NORMAL
from recon.core.readers import read_image

KINDS = ("metric", "property")
shapes = array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=5)
labels = shapes.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 2)))


def call(*arguments):
    """`recon ARGUMENTS`: it does what is asked, or refuses in one line."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 2), result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert len(errors) == (result.exit_code == 2), result.stderr
    return result.exit_code


@contextmanager
def empty_folder():
    """The current folder, empty."""
    with tempfile.TemporaryDirectory() as made, chdir(made):
        yield


def write(array):
    np.save("a.npy", array)
    tifffile.imwrite("a.tif", array, photometric="minisblack")
    zarr.save_array("a.zarr", array)
    Image.fromarray(array[0]).save("a.png")


@given(array=labels)
def test_readers_give_what_was_written(array):
    with empty_folder():
        write(array)
        for name in ("a.npy", "a.tif", "a.zarr"):
            slices = read_image(Path(name), colours=False).slices
            np.testing.assert_array_equal(np.stack(slices), array)
        np.testing.assert_array_equal(read_image(Path("a.png")).slices[0], array[0])


@pytest.mark.slow
@settings(max_examples=5)
@given(array=labels, flags=st.sampled_from([(), ("--phases", "2"), ("--denoise", "nlm")]))
def test_import(array, flags):
    flags += ("--preview", "none")
    with empty_folder():
        write(array)
        for number, name in enumerate(("a.npy", "a.tif", "a.zarr", "a.png")):
            call("import", "--xy", name, "--isotropic", "--out", f"{number}.zarr", *flags)
            if name != "a.png":
                call("import", "--volume", name, "--out", f"v{number}.zarr", *flags)


@pytest.mark.parametrize("sides", [(64, 4), (64, 1), (4, 64), (1, 64)])
@pytest.mark.parametrize("given", [(), ("--phases", "2")])
def test_narrow_images(recon, sides, given):
    grey = np.random.default_rng(0).integers(0, 2 if not given else 200, sides, dtype=np.uint8)
    tifffile.imwrite("a.tif", grey)
    recon("import", "--xy", "a.tif", "--isotropic", "--out", "m.zarr", *given)
    assert Micrographs.open("m.zarr").planes["xz"][0].shape == sides


@pytest.mark.parametrize("channels", [3, 4])
def test_a_thin_volume_is_no_colours(recon, channels):
    labels = np.random.default_rng(0).integers(0, 2, (30, 20, channels), dtype=np.uint8)
    np.save("a.npy", labels)
    recon("import", "--volume", "a.npy", "--every", "1", "--out", "m.zarr", "--preview", "none")
    np.testing.assert_array_equal(np.stack(Micrographs.open("m.zarr").planes["xy"]), labels)


@pytest.mark.slow
@settings(max_examples=2)
@given(array=labels)
def test_volumes_measured_and_exported(array):
    with empty_folder():
        Volume(array, phases=("a", "b", "c")).save("v.zarr")
        Path("m.toml").write_text('unit = "GPa"' + "\n[[phase]]\nE = 1.0\nnu = 0.3\n" * 3)
        plane = {plane: [array.take(0, axis)] for plane, axis in NORMAL.items()}
        Micrographs(plane, phases=("a", "b", "c")).save("m.zarr")
        names = {kind: [e.name for e in catalog() if e.kind == kind] for kind in KINDS}
        flags = [part for name in names["metric"] for part in ("--metric", name)]
        call("measure", "v.zarr", *flags, "--against", "m.zarr", "--json", "a.json")
        for name in names["property"]:
            call("measure", "v.zarr", "--property", name, "--materials", "m.toml")
        for entry in catalog():
            if entry.kind == "exporter":
                call("export", "v.zarr", f"a{entry.summary.suffixes[0]}")
        call("measure", "v.zarr", "--against", "v.zarr")
