"""Phase fractions that vary as those of subvolumes do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import Micrographs, ReconError
from recon.core.data.planes import NORMAL, PLANES
from recon.core.data.statistics import Statistics
from recon.plugins.harmonizers import target_fractions
from recon.plugins.harmonizers.target_fractions import (
    check_fractions,
    draw_fractions,
    estimate_deviations,
    solve_independent_variances,
)


def statistics(covariance, fractions):
    mean = 2.0 * fractions[1:] - 1.0 if len(fractions) == 2 else 2.0 * fractions - 1.0
    return Statistics(fractions, mean, covariance)


def separable(lengths, variance, reach=30):
    """exp(-|r| / l) along every axis, at all lags within reach."""
    lines = [np.exp(-np.abs(np.arange(-reach, reach + 1)) / length) for length in lengths]
    return {
        plane: variance * np.multiply.outer(*(lines[a] for a in range(3) if a != normal))[None]
        for plane, normal in NORMAL.items()
    }


def box_variance(length, side):
    """Variance of the mean over a line of `side` voxels, exp(-|r| / length), over that of one."""
    r = np.subtract.outer(np.arange(side), np.arange(side))
    return np.exp(-np.abs(r) / length).mean()


def test_a_separable_field_has_the_exact_deviation():
    lengths, shape = (1.0, 2.0, 3.0), (12, 16, 20)
    known = statistics(separable(lengths, 0.84), np.array([0.3, 0.7]))
    exact = 0.84 * np.prod([box_variance(*pair) for pair in zip(lengths, shape, strict=True)])
    assert estimate_deviations(known, shape) == pytest.approx([np.sqrt(exact) / 2], rel=1e-9)


@pytest.mark.parametrize("missing", PLANES)
def test_a_plane_that_was_not_seen_is_taken_for_separable(missing):
    lengths, shape = (1.0, 2.0, 3.0), (12, 16, 20)
    covariance = separable(lengths, 0.84)
    del covariance[missing]
    deviations = estimate_deviations(statistics(covariance, np.array([0.3, 0.7])), shape)
    exact = 0.84 * np.prod([box_variance(*pair) for pair in zip(lengths, shape, strict=True)])
    assert deviations == pytest.approx([np.sqrt(exact) / 2], rel=1e-9)


def test_a_real_field_varies_as_predicted():
    """Independent pieces of a thresholded field that is correlated over two voxels."""
    rng = np.random.default_rng(0)
    waves = np.exp(-20 * sum(np.square(k) for k in np.meshgrid(*[np.fft.fftfreq(96)] * 3)))
    field = np.fft.ifftn(waves * np.fft.fftn(rng.normal(size=(96,) * 3))).real
    labels = (field > np.quantile(field, 0.7)).astype(np.uint8)
    known = Statistics.of(
        Micrographs({p: list(np.moveaxis(labels, n, 0)[::4]) for p, n in NORMAL.items()})
    )
    pieces = labels.reshape(6, 16, 6, 16, 6, 16).mean((1, 3, 5))
    assert estimate_deviations(known, (16, 16, 16)) == pytest.approx([pieces.std()], rel=0.2)


@given(st.lists(st.floats(0.05, 1.0), min_size=3, max_size=5), st.integers(0, 2**31))
def test_fractions_are_positive_and_sum_to_one(weights, seed):
    fractions = np.array(weights) / sum(weights)
    covariance = {
        plane: np.concatenate(
            [separable((2.0, 2.0, 2.0), 4 * f * (1 - f), 8)[plane] for f in fractions]
        )
        for plane in PLANES
    }
    result = draw_fractions(
        statistics(covariance, fractions), (9, 9, 9), np.random.default_rng(seed)
    )
    assert result.sum() == pytest.approx(1) and np.all(result >= 0.2 * fractions)


@pytest.mark.parametrize("phases", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_drawn_fractions_have_the_mean_and_deviations_wanted(phases, monkeypatch):
    fractions = np.array([0.6, 0.4] if phases == 2 else [0.5, 0.3, 0.2])
    inside = [fractions[1]] if phases == 2 else fractions
    covariance = {
        plane: np.concatenate(
            [separable((1.0, 1.5, 2.0), 4 * f * (1 - f), 12)[plane] for f in inside]
        )
        for plane in PLANES
    }
    known, shape = statistics(covariance, fractions), (16, 16, 16)
    deviations = estimate_deviations(known, shape)  # of every draw
    monkeypatch.setattr(target_fractions, "estimate_deviations", lambda *_: deviations)
    many = np.array([draw_fractions(known, shape, np.random.default_rng(n)) for n in range(4000)])
    wanted = np.resize(deviations, phases)
    assert np.allclose(many.mean(0), fractions, atol=5 * wanted.max() / np.sqrt(4000))
    assert np.allclose(many.std(0), wanted, rtol=0.1)


def test_the_same_seed_draws_the_same_fractions():
    known = statistics(separable((1.0, 1.0, 1.0), 0.96), np.array([0.4, 0.6]))
    one, same, other = (
        draw_fractions(known, (8, 8, 8), np.random.default_rng(n)) for n in (1, 1, 2)
    )
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_independent_numbers_conditioned_on_their_sum_have_the_variances_wanted():
    wanted = np.array([0.03, 0.02, 0.02])
    d = solve_independent_variances(wanted)
    assert d * (1 - d / d.sum()) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    ("fraction", "message"),
    [
        ((0.5,), "one number for each of the 2 phases, got 1"),
        ((0.5, 0.6), "sum to 1, got 0.5, 0.6"),
        ((0.0, 1.0), "above 0 for every phase"),
    ],
)
def test_impossible_fractions_are_refused(fraction, message):
    with pytest.raises(ReconError, match=message):
        check_fractions(fraction, 2)
