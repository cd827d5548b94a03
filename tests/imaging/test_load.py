"""load_images() on real files and arrays."""

import numpy as np
import pytest
from PIL import Image

from recon.core import Micrographs, ReconError
from recon.imaging.load import ImageNotice, load_images

pytestmark = pytest.mark.filterwarnings("ignore::recon.imaging.load.ImageNotice")
RNG = np.random.default_rng(0)
LABELS = (RNG.random((3, 40, 48)) < 0.4).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three label images a plane as PNG files."""
    monkeypatch.chdir(tmp_path)
    for plane in ("top", "front"):
        (tmp_path / plane).mkdir()
        for number, image in enumerate(LABELS):
            Image.fromarray(image * 255).save(tmp_path / plane / f"{number}.png")
    return tmp_path


def test_patterns_names_and_units(folder):
    m = load_images(
        xy="top/*.png", xz=["front/0.png", "front/2.png"], phases=["pore", "solid"],
        pixel_size="0.4um",
    )  # fmt: skip
    assert m.phases == ("pore", "solid")
    assert m.voxel_size == (4e-7, 4e-7, 4e-7)
    assert np.array_equal(m.planes["xy"], LABELS)
    assert np.array_equal(m.planes["xz"], LABELS[::2])
    m.save(folder / "m.zarr")
    assert np.array_equal(Micrographs.open(folder / "m.zarr").planes["xy"], LABELS)


def test_arrays_and_metres_are_taken_as_files_and_texts_are(folder):
    by_file = load_images(xy="top/*.png", pixel_size="0.4um", isotropic=True)
    by_array = load_images(xy=LABELS, pixel_size=4e-7, isotropic=True)
    assert by_file.voxel_size == by_array.voxel_size
    for plane, stack in by_file.planes.items():
        assert np.array_equal(stack, by_array.planes[plane])


def test_a_volume_is_cut_along_three_axes():
    m = load_images(volume=LABELS.repeat(16, 0), every=8)
    assert [len(m.planes[plane]) for plane in ("xy", "xz", "yz")] == [6, 5, 6]


def test_grey_images_are_cut_into_as_many_phases_as_there_are_names():
    grey = 60.0 * LABELS + RNG.normal(0, 4, LABELS.shape)
    m = load_images(xy=grey, isotropic=True, phases=["pore", "solid"])
    assert m.phases == ("pore", "solid")
    assert np.mean(np.array(m.planes["xy"]) == LABELS) > 0.999


def test_values_of_one_plane():
    m = load_images(
        xy=LABELS,
        xz=LABELS[:, :20],
        pixel_size={"xy": "1um", "xz": "1um"},
        crop={"xy": (2, 4, 0, 0)},
    )
    assert m.planes["xy"][0].shape == (34, 48)
    assert m.planes["xz"][0].shape == (20, 48)


def test_what_is_worth_knowing_is_warned_of():
    with pytest.warns(ImageNotice, match="2 distinct values|values"):
        load_images(xy=LABELS * 255, isotropic=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no image was given"),
        ({"xy": "nothing/*.png"}, "no image matches nothing"),
        ({"xy": LABELS, "volume": LABELS}, "volume= and xy= exclude each other"),
        ({"xy": LABELS, "every": 2}, "every= is for volume="),
        ({"xy": LABELS[0, 0]}, "must be a slice"),
        ({"xy": 3}, "images must be paths, patterns or arrays, got 3"),
        ({"xy": LABELS, "pixel_size": {"xz": 1e-6}}, "no image was given"),
        ({"xy": LABELS, "pixel_size": {"zx": 1e-6}}, "unknown plane in pixel_size"),
        ({"xy": LABELS, "pixel_size": "4 parsec"}, "length must be"),
        ({"xy": LABELS, "crop": (1, 2)}, "four numbers of pixels"),
        ({"xy": LABELS, "phases": ["pore"], "isotropic": True}, "phases"),
        ({"xy": LABELS, "isotropic": True, "transverse": "z"}, "exclude each other"),
    ],
)
def test_bad_input_is_one_clear_line(given, message):
    with pytest.raises(ReconError, match=message):
        load_images(**given)
