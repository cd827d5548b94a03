"""Uneven light is found beside the phases and taken off."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from recon.imaging.light import UNEVEN, flatten, measure_unevenness
from recon.imaging.otsu import find_otsu_thresholds

SIDE = 160
Y, X = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
LIGHTS = {
    "ramp": (110 * X, 1),
    "vignette": (-90 * (X**2 + Y**2), 1),
    "corner": (60 * (X * Y + X**2 - Y), 1),
    "factor": (0, 1 + 0.35 * X),
}
GREYS = {2: np.array([80.0, 160.0]), 3: np.array([60.0, 120.0, 200.0])}


def make(phases, name=None, seed=0):
    """Labels, and grey values of them under a light."""
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.normal(size=(SIDE, SIDE)), 4)
    labels = np.searchsorted(np.quantile(noise, np.arange(1, phases) / phases), noise)
    add, factor = LIGHTS[name] if name else (0, 1)
    grey = gaussian_filter(GREYS[phases][labels], 0.7) * factor + add
    return labels, (grey + rng.normal(0, 6, grey.shape) + 200).astype(np.uint16)


def wrong(grey, labels, phases):
    cuts = find_otsu_thresholds([grey], phases)
    return (np.searchsorted(cuts, grey, side="right") != labels).mean()


@pytest.mark.parametrize("name", LIGHTS)
@pytest.mark.parametrize("phases", [2, 3])
def test_uneven_light_is_noticed_and_evened(name, phases):
    labels, grey = make(phases, name)
    even = wrong(make(phases)[1], labels, phases)
    assert wrong(grey, labels, phases) > even + 0.04
    assert measure_unevenness(grey, phases) > UNEVEN or name == "factor"
    flat, _ = flatten(grey, phases)
    # A surface is taken off, so that of light that is a factor the contrast stays uneven.
    left = 0.5 * wrong(grey, labels, phases) if name == "factor" else even + 0.01
    assert wrong(flat, labels, phases) < left


@pytest.mark.parametrize("phases", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_even_light_is_not_noticed_and_stays(phases, seed):
    labels, grey = make(phases, seed=seed)
    assert measure_unevenness(grey, phases) < UNEVEN
    flat, span = flatten(grey, phases)
    assert span < 0.2 * np.diff(GREYS[phases]).min()
    assert flat.mean() == pytest.approx(grey.mean(), rel=1e-3)


def test_the_span_is_that_of_the_light():
    _, span = flatten(make(2, "ramp")[1], 2)
    assert span == pytest.approx(220, rel=0.05)


def test_an_image_of_one_value_has_even_light():
    assert measure_unevenness(np.full((40, 40), 7, np.uint8), 2) == 0
