"""Energies of borders are found again in labels drawn with them."""

import numpy as np
import pytest

from recon.imaging.border_energies import estimate_borders, guess_borders
from recon.imaging.restoration_sweep import sweep


def draw(energies, side, sweeps=30):
    """Labels of a Potts model alone: an image that tells nothing."""
    chance = np.random.default_rng(0)
    count = len(energies)
    labels = chance.integers(0, count, (side, side)).astype(np.uint8)
    nothing, point = np.zeros((side, side)), np.zeros((side, 3))
    for _ in range(sweeps):
        draws = chance.random((2, side, side))
        sweep(labels, np.arange(count) * 1.0, nothing, point, point, 1.0, energies, draws)
    return labels


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [pytest.param(0.1, 0.3, 0.2, marks=pytest.mark.slow), (0.0, -0.1, 0.3)],
)
def test_energies_by_which_labels_were_drawn(first, second, third):
    energies = np.array([[0, first, second], [first, 0, third], [second, third, 0]])
    labels = draw(energies, 120)
    np.testing.assert_allclose(estimate_borders([labels], guess_borders(3)), energies, atol=0.04)


def test_a_pair_that_never_meets_keeps_a_finite_energy():
    labels = np.repeat(np.arange(3), 20)[None].repeat(60, 0).astype(np.uint8)
    energies = estimate_borders([labels], guess_borders(3))
    assert np.isfinite(energies).all() and energies.max() < 20
    assert (energies == energies.T).all() and (np.diag(energies) == 0).all()


@pytest.mark.parametrize("side", [1, 2, 3])
def test_images_too_small_to_learn_from_leave_the_start(side):
    start = guess_borders(2)
    labels = np.zeros((side, side), np.uint8)
    np.testing.assert_allclose(estimate_borders([labels], start), start, atol=0.3)
