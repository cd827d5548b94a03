import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from recon.core import ReconError
from recon.imaging.cropping import Crop, count_banner_rows, crop, describe_banners
from recon.imaging.picture import Picture

RNG = np.random.default_rng(0)


def material(shape=(300, 400), noise=10):
    """Grey values of two phases with soft edges and noise."""
    truth = gaussian_filter(RNG.normal(size=shape), 5) > 0
    grey = gaussian_filter(80 + 90.0 * truth, 1) + RNG.normal(0, noise, shape)
    return np.clip(grey, 0, 255).astype(np.uint8)


def banner(rows, width, ground, ink, line=False):
    picture = Image.new("L", (width, rows), ground)
    draw = ImageDraw.Draw(picture)
    draw.text((8, rows // 2 - 6), "15.0 kV   x 2,500   SE   20 um", fill=ink)
    draw.rectangle((width - 90, rows // 2 - 2, width - 20, rows // 2 + 2), fill=ink)
    if line:
        draw.line((0, 0, width, 0), fill=ink, width=2)
    return np.asarray(picture)


@pytest.mark.parametrize("rows", [20, 40, 80])
@pytest.mark.parametrize("ground", [0, 255, 30])
@pytest.mark.parametrize("line", [False, True])
def test_a_banner_is_found_to_the_row(rows, ground, line):
    under = banner(rows, 400, ground, 255 - ground, line)
    assert count_banner_rows(np.vstack([material(), under])) == rows


@pytest.mark.parametrize("noise", [0, 10])
def test_materials_have_no_banner(noise):
    assert count_banner_rows(material(noise=noise)) == 0
    layers = np.repeat(RNG.integers(0, 2, 30), 10)[:, None] * 120 + 60
    assert count_banner_rows(np.repeat(layers, 400, 1)) == 0
    assert count_banner_rows((layers + RNG.normal(0, noise, (300, 400))).astype(np.uint8)) == 0


def test_a_wide_dark_pore_at_the_bottom_is_no_banner():
    image = material()
    image[-30:, 10:] = 0
    assert count_banner_rows(image) == 0


def test_banners_of_different_height_are_told_by_plane():
    low, high = (np.vstack([material(), banner(rows, 400, 0, 255)]) for rows in (20, 40))
    planes = {"xy": [Picture(low, "a"), Picture(low, "b")], "xz": [Picture(high, "c")]}
    assert describe_banners(planes) == [
        'the lowest 20 rows of a, b look like a banner; crop={"xy": (0, 20, 0, 0)} removes them',
        'the lowest 40 rows of c look like a banner; crop={"xz": (0, 40, 0, 0)} removes them',
    ]
    crops = {"xy": Crop.parse("0,20,0,0"), "xz": Crop.parse("0,40,0,0")}
    assert describe_banners(crop(planes, crops)) == []


def test_crop_takes_off_what_it_says():
    image = np.arange(1200).reshape(30, 40)
    (left,) = crop({"xy": [Picture(image, "a")]}, {"xy": Crop.parse("1, 2,3,4")})["xy"]
    np.testing.assert_array_equal(left.pixels, image[1:28, 3:36])
    with pytest.raises(ReconError, match=r"leaves 15 x 40 of a \(30 x 40\)"):
        crop({"xy": [Picture(image, "a")]}, {"xy": Crop.parse("15,0,0,0")})
