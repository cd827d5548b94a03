import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from recon.imaging.denoise import FILTERS, denoise, estimate_noise, measure_specks
from recon.imaging.picture import Picture
from recon.imaging.preparation import ImportOptions, prepare

RNG = np.random.default_rng(0)
SMOOTH = gaussian_filter(RNG.normal(size=(121, 150)), 6) * 2000


@pytest.mark.parametrize("noise", [5.0, 40.0])
def test_the_noise_that_is_found_is_the_noise_put_in(noise):
    image = SMOOTH + RNG.normal(0, noise, SMOOTH.shape)
    assert estimate_noise(image) == pytest.approx(noise, rel=0.1)


@pytest.mark.parametrize("name", FILTERS)
def test_filters_do_not_depend_on_the_unit(name):
    image = SMOOTH + RNG.normal(0, 20, SMOOTH.shape)
    ours, _ = denoise(image, name)
    scaled, _ = denoise(image * 1e-3, name)
    np.testing.assert_allclose(scaled, ours * 1e-3, rtol=0.02, atol=0.02)
    assert np.std(ours - SMOOTH) < 0.7 * np.std(image - SMOOTH)


@pytest.mark.parametrize("name", FILTERS)
def test_an_image_without_noise_stays(name):
    image = np.kron(RNG.integers(0, 2, (10, 10)), np.ones((8, 8), int)) * 100
    filtered, noise = denoise(image, name)
    assert noise == 0
    assert ((filtered > 50) == (image > 50)).mean() > 0.98


def test_specks_are_lone_pixels():
    labels = np.zeros((12, 12), np.uint8)
    labels[5, 5] = labels[3, 8] = 1
    labels[8, 2:4] = 1
    assert measure_specks(labels) == pytest.approx(2 / 100)


def test_noise_is_told_of_with_a_remedy():
    truth = np.kron(RNG.integers(0, 2, (12, 12)), np.ones((8, 8), int))
    for noise, told in ((10, False), (40, True)):
        image = 100 + 100 * truth + RNG.normal(0, noise, truth.shape)
        prepared = prepare({"xy": [Picture(image, "a")]}, ImportOptions(phases=2))
        assert any('give denoise="nlm"' in line for line in prepared.notices) == told
