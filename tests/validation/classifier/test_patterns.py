import numpy as np
import pytest

from recon.validation.classifier.patterns import DIRECTIONS, REACH, SCALES, measure_patterns


def count_runs(window, phase, down, right, pixels):
    """Share of places from which so many pixels along a direction lie in the phase."""
    a, b = window.shape
    hits, tries = 0, 0
    for y in range(a):
        for x in range(b):
            line = [(y + i * down, x + i * right) for i in range(pixels)]
            if all(0 <= p < a and 0 <= q < b for p, q in line):
                tries += 1
                hits += all(window[place] == phase for place in line)
    return hits / tries


def list_runs(a, b):
    """(direction, pixels) of the runs in the order in which they are measured."""
    for down, right in DIRECTIONS:
        pixels = 2
        while True:
            span = pixels - 1
            fits = span * down <= a - 3 and span * abs(right) <= b - 3
            if not fits or span * max(down, abs(right)) > REACH:
                break
            yield down, right, pixels
            pixels *= 2


def test_runs_of_the_first_phase_are_those_counted_pixel_by_pixel():
    windows = np.random.default_rng(0).integers(2, size=(2, 20, 14)).astype(np.uint8)
    windows[0, :, 3:9] = 0
    expected = [[count_runs(window, 0, *run) for run in list_runs(20, 14)] for window in windows]
    patterns = measure_patterns(windows, 2)
    assert np.allclose(patterns[:, : len(expected[0])], expected)


def test_squares_are_shares_of_their_sixteen_configurations():
    """Of vertical stripes two pixels wide, half of the squares of side 1 have equal columns."""
    stripes = np.tile(np.array([0, 0, 1, 1], np.uint8), (1, 33, 9))[:, :, :33]
    patterns = measure_patterns(stripes, 2)[0]
    for share in (0.25, 0.5):  # straddling a border either way, and wholly inside a stripe
        assert np.isclose(patterns, share, atol=0.02).any()
    shuffled = np.random.default_rng(1).permutation(stripes.ravel()).reshape(stripes.shape)
    assert np.abs(measure_patterns(shuffled, 2)[0] - patterns).max() > 0.3


@pytest.mark.parametrize("phases", [2, 3, 4])
def test_windows_of_one_size_have_the_same_number_of_shares_between_0_and_1(phases):
    windows = np.random.default_rng(2).integers(phases, size=(5, 24, 24)).astype(np.uint8)
    patterns = measure_patterns(windows, phases)
    assert len(patterns) == 5 and (patterns >= 0).all() and (patterns <= 1).all()
    assert np.array_equal(patterns[1:3], measure_patterns(windows[1:3], phases))
    assert measure_patterns(np.zeros_like(windows), phases).shape == patterns.shape


def test_contacts_between_phases_are_seen():
    """Where phase 1 lies between 0 and 2, and where it does not."""
    apart = np.repeat(np.array([0, 1, 2, 1], np.uint8), 4)
    touching = np.repeat(np.array([0, 2, 1, 2], np.uint8), 4)
    swapped = np.array([0, 2, 1], np.uint8)[touching]  # the same shares as apart
    assert sorted(np.bincount(apart)) == sorted(np.bincount(swapped))
    one, other = (measure_patterns(np.tile(line, (1, 24, 2)), 3)[0] for line in (apart, touching))
    assert not np.allclose(one, other)


def test_the_smallest_blocks_are_measured():
    patterns = measure_patterns(np.zeros((3, 8, 8), np.uint8), 2)
    assert np.isfinite(patterns).all() and patterns.shape[1] > 15 * len(SCALES)
