"""Fields of view: what is around them is found, and counts for nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter

from recon.core import ReconError
from recon.imaging.field import NOTABLE, find_field, list_rectangles, measure_outside
from recon.imaging.largest_rectangle import find_largest_rectangle
from recon.imaging.load import ImageNotice, load_images
from recon.workflow.examples import fibres, porous

pytestmark = pytest.mark.filterwarnings("ignore::recon.imaging.load.ImageNotice")

SIDE = 128
Y, X = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
ROUND = X**2 + Y**2 < 1


def material(grey=True, low=0):
    """Two phases, the darker one of the value `low`; blurred, with noise, when grey."""
    rng = np.random.default_rng(0)
    labels = gaussian_filter(rng.normal(size=(SIDE, SIDE)), 3) > -0.02
    if not grey:
        return (low + labels).astype(np.uint8)
    noisy = gaussian_filter(np.where(labels, 160.0, 70.0), 1) + rng.normal(0, 5, labels.shape)
    return noisy.astype(np.uint8)


@pytest.mark.parametrize("grey", [True, False])
def test_a_round_field_is_found(grey):
    image = material(grey, low=1)
    assert measure_outside(image) < NOTABLE
    field = find_field(np.where(ROUND, image, 0).astype(np.uint8))
    assert (field != ROUND).mean() < 0.01


def test_pores_as_dark_as_what_is_around_stay_in_the_field():
    image = material().astype(int)
    black = np.where(ROUND & (image > 110), image, 0).astype(np.uint8)
    assert (find_field(black) != ROUND).mean() < 0.02


def test_a_turned_image_and_text_beside_it():
    inside = np.abs(X) + np.abs(Y) < 1
    image = np.where(inside, material(), 0).astype(np.uint8)
    image[2:6, 2:12:2] = 255
    assert (find_field(image) != inside).mean() < 0.005


def test_phases_are_no_field():
    for volume in (fibres.generate((24, 64, 64)), porous.generate((24, 64, 64))):
        for labels in volume[::4]:
            assert measure_outside(labels.astype(np.uint8)) < NOTABLE
    assert find_field(np.zeros((20, 20), np.uint8)).all()


@settings(max_examples=40)
@given(arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 6))), st.integers(1, 3))
def test_the_largest_rectangle(mask, least):
    top, bottom, left, right = find_largest_rectangle(mask, least)
    areas = [
        (d - c) * (b - a)
        for a in range(mask.shape[0])
        for b in range(a + least, mask.shape[0] + 1)
        for c in range(mask.shape[1])
        for d in range(c + least, mask.shape[1] + 1)
        if mask[a:b, c:d].all()
    ]
    assert mask[top:bottom, left:right].all()
    assert (bottom - top) * (right - left) == max(areas, default=0)


def test_further_rectangles_are_apart_and_not_much_smaller():
    mask = np.ones((200, 200), bool)
    mask[90:110, 60:] = False
    rectangles = list_rectangles(mask)
    count = np.zeros(mask.shape, int)
    for where in rectangles:
        count[where] += 1
    assert count.max() == 1 and not (count > 0)[~mask].any()
    assert [(w[0].stop - w[0].start, w[1].stop - w[1].start) for w in rectangles] == [
        (90, 200), (90, 200)
    ]  # fmt: skip
    assert len(list_rectangles(ROUND)) == 1


def test_masked_pixels_count_for_nothing():
    image = np.where(ROUND, material(), 0).astype(np.uint8)
    with pytest.warns(ImageNotice, match=r"surrounds the rest.*mask=\"auto\""):
        load_images(xy=image, isotropic=True, phases=2)
    whole = load_images(xy=material(), isotropic=True, phases=2).planes["xy"][0]
    for mask in ("auto", (ROUND * 255).astype(np.uint8), {"xy": ROUND.astype(np.uint8)}):
        with pytest.warns(ImageNotice, match="1 rectangle within the field of view of 1 image"):
            micrographs = load_images(xy=image, isotropic=True, phases=2, mask=mask)
        (labels,) = micrographs.planes["xy"]
        assert min(labels.shape) > 0.65 * SIDE
        edge = (SIDE - labels.shape[0]) // 2
        inner = whole[edge : edge + labels.shape[0], edge : edge + labels.shape[0]]
        assert abs(micrographs.fractions()[0] - (inner == 0).mean()) < 0.02


def test_a_mask_of_a_volume_is_sliced_as_it_is():
    volume = np.stack([material(), material()[::-1], material().T] * 8)
    mask = np.broadcast_to(ROUND, volume.shape).astype(np.uint8)
    micrographs = load_images(volume=np.where(mask, volume, 0), phases=2, mask=mask)
    assert all(image.min() == 0 and image.max() == 1 for image in micrographs.planes["xy"])
    assert max(image.shape[1] for image in micrographs.planes["xz"]) <= SIDE
    assert min(image.shape[1] for image in micrographs.planes["xz"]) < SIDE // 2


def test_masks_that_cannot_be_meant():
    image = material()
    for mask, said in (
        (ROUND[:-1], "must be of the size"),
        (np.stack([ROUND] * 3), "one for each of the 1 images"),
        (np.zeros_like(ROUND), "leaves no rectangle of 16 x 16"),
        ({"xz": ROUND}, "of which no image was given"),
    ):
        with pytest.raises(ReconError, match=said):
            load_images(xy=image, isotropic=True, phases=2, mask=mask)


def test_crops_hold_for_masks_too():
    mask = ROUND.astype(np.uint8)
    micrographs = load_images(
        xy=material(), isotropic=True, phases=2, mask=mask, crop=(0, SIDE // 2, 0, 0)
    )
    (labels,) = micrographs.planes["xy"]
    assert labels.shape[0] <= SIDE // 2
