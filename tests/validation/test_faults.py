import numpy as np
import pytest
from scipy import ndimage

from recon.validation.faults import add_rim, erode, list_faults, magnify, mirror, smooth, sow, warp


def rng():
    return np.random.default_rng(0)


@pytest.fixture
def discs():
    """Two windows with a disc of radius 10 of phase 1."""
    y, x = np.indices((49, 49)) - 24
    return np.stack([(y**2 + x**2 <= 100).astype(np.uint8)] * 2)


def width(window):
    return int(window[24].sum())


def test_what_is_eroded_is_a_pixel_narrower():
    windows = np.zeros((1, 30, 30), np.uint8)
    windows[:, 5:21, 8:19] = 2
    made = erode(windows, 3, rng())[0] == 2
    assert made.any(1).sum() == 15 and made.any(0).sum() == 10 and made.sum() == 150


@pytest.mark.parametrize("times", [1.1, 1.3, 2.0])
def test_a_magnified_disc_is_so_many_times_as_wide(discs, times):
    made = magnify(discs, 2, rng(), times)
    assert abs(width(made[0]) - times * width(discs[0])) <= 1.5
    assert made[0].sum() == pytest.approx(times**2 * discs[0].sum(), rel=0.06)


def test_a_warp_moves_edges_by_its_amount_and_makes_no_specks(discs):
    one, two = (np.mean(warp(discs, 2, rng(), pixels) != discs) for pixels in (1.0, 2.0))
    assert 0 < one < two < 0.15
    assert ndimage.label(warp(discs, 2, rng(), 1.0)[0])[1] == 1
    assert np.array_equal(warp(discs, 2, rng(), 1.0), warp(discs, 2, rng(), 1.0))


def test_smoothing_takes_specks_away_and_leaves_straight_edges(discs):
    halves = np.zeros((1, 20, 20), np.uint8)
    halves[:, :, 10:] = 1
    specked = halves.copy()
    specked[0, 5, 5], specked[0, 12, 15] = 1, 0
    assert np.array_equal(smooth(specked, 2, rng()), halves)


def test_sown_specks_are_as_many_as_asked_for_and_of_another_phase():
    windows = np.ones((20, 50, 50), np.uint8)
    made = sow(windows, 3, rng(), 0.01)
    assert np.mean(made != windows) == pytest.approx(0.01, rel=0.2)
    assert set(np.unique(made)) == {0, 1, 2}


def test_a_mirror_twice_is_nothing(discs):
    once = mirror(discs[:, :, 3:], 2, rng())
    assert not np.array_equal(once, discs[:, :, 3:])
    assert np.array_equal(mirror(once, 2, rng()), discs[:, :, 3:])


def test_a_rim_keeps_the_two_phases_apart_that_touched_most():
    window = np.zeros((1, 30, 30), np.uint8)
    window[:, 8:22, 8:22] = 2
    window[:, 0, :5] = 1
    made = add_rim(window, 3, rng())[0]
    beside = ndimage.binary_dilation(made == 0)
    assert not (beside & (made == 2)).any() and (made == 1).sum() > 40


@pytest.mark.parametrize("phases", [2, 3, 5])
def test_spoilt_windows_keep_their_shape_and_labels(phases):
    windows = rng().integers(phases, size=(3, 32, 24)).astype(np.uint8)
    names = set()
    for fault in list_faults(phases):
        made = fault.apply(windows, phases, rng())
        assert made.shape == windows.shape and made.dtype == np.uint8 and made.max() < phases
        assert not np.array_equal(made, windows)
        names.add(fault.name)
    assert ("rim" in names) == (phases > 2)
