import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recon.core import ReconError
from recon.imaging.picture import Picture
from recon.imaging.resample import average_grey, resample, vote_labels

RNG = np.random.default_rng(0)
BLOBS = (RNG.random((20, 24)) > 0.5).astype(np.uint8)


@given(arrays(np.uint8, (24, 36)), st.sampled_from([2, 3, 4]))
def test_grey_of_whole_blocks_is_their_mean(image, block):
    a, b = 24 // block, 36 // block
    means = image.reshape(a, block, b, block).mean((1, 3))
    np.testing.assert_allclose(average_grey(image, (a, b)), means, rtol=1e-5, atol=1e-4)


@given(arrays(np.uint8, (18, 27), elements=st.integers(0, 4)))
def test_labels_of_whole_blocks_are_their_majority(image):
    blocks = image.reshape(6, 3, 9, 3).swapaxes(1, 2).reshape(6, 9, 9)
    shares = np.stack([(blocks == k).sum(-1) for k in range(5)])
    result = vote_labels(image, (6, 9))
    chosen = np.take_along_axis(shares, result[None].astype(int), 0)[0]
    np.testing.assert_array_equal(chosen, shares.max(0))


@pytest.mark.parametrize("change", [average_grey, vote_labels])
def test_enlarging_and_reducing_again_gives_the_image_back(change):
    larger = np.repeat(np.repeat(BLOBS, 4, 0), 4, 1)
    np.testing.assert_array_equal(change(larger, BLOBS.shape), BLOBS)


def test_halving_labels_favours_neither_of_two():
    """Half of the edges of a binary image fall into the middle of a new pixel: a tie."""
    edges = np.sort(RNG.choice(4000, 400, replace=False)) + 1
    stripes = (np.searchsorted(edges, np.arange(4000), side="right") % 2).astype(np.uint8)
    image = np.repeat(stripes[None], 4, 0)
    half = vote_labels(image, (2, 2000))
    assert abs(half.mean() - image.mean()) < 0.01
    assert abs(vote_labels(1 - image, (2, 2000)).mean() - (1 - image).mean()) < 0.01


def test_finer_labels_keep_fractions_and_make_no_new_ones():
    image = np.kron(np.array([[0, 2], [2, 0]], np.uint8), np.ones((10, 10), np.uint8))
    fine = vote_labels(image, (50, 50))
    assert set(np.unique(fine)) == {0, 2}
    assert (fine == 2).mean() == pytest.approx(0.5, abs=0.01)


def test_only_pictures_of_another_pixel_size_change():
    size = (4e-7, 4e-7, 4e-7)
    same, unknown = Picture(BLOBS, "same", (4e-7, 4e-7)), Picture(BLOBS, "unknown")
    fine = Picture(np.zeros((80, 81), np.uint8), "fine", (1e-7, 2e-7))
    result, (notice,) = resample({"xz": [same, unknown, fine]}, size, vote_labels)
    assert result["xz"][0] is same
    assert result["xz"][1] is unknown
    assert result["xz"][2].pixels.shape == (20, 40)
    assert result["xz"][2].pixel_size == (4e-7, 4e-7)
    assert notice == (
        "1 image of xz (fine) resampled from 100nm x 200nm to 400nm a pixel by majority of the "
        "labels"
    )


def test_too_coarse_and_too_fine_are_refused():
    picture = {"xy": [Picture(BLOBS, "a.png", (1e-7, 1e-7))]}
    with pytest.raises(ReconError, match="leaves 5 x 6 pixels, fewer than 16"):
        resample(picture, (4e-7,) * 3, vote_labels)
    with pytest.raises(ReconError, match="finer than 1/8 of the pixels of a.png"):
        resample(picture, (1e-8,) * 3, vote_labels)
