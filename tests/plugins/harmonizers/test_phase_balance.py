"""Phase balance: the sharpened field takes the fractions, and no more is changed than needed."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from recon.core.data.encoding import decode
from recon.plugins.harmonizers.phase_balance import LIMIT, balance_phases, sharpen


def estimate(channels, seed, blur, strength):
    """A clean estimate from all but undecided to all but binary."""
    rng = np.random.default_rng(seed)
    field = np.stack(
        [gaussian_filter(rng.normal(size=(16, 14, 18)), blur) for _ in range(channels)]
    )
    field = torch.as_tensor(strength * field / field.std(), dtype=torch.float32)
    return field.tanh() if channels == 1 else 2 * field.softmax(0) - 1


def shares(clean):
    logits = torch.atanh((clean / LIMIT).clamp(-0.99999, 0.99999))
    return sharpen(logits).flatten(1).double().mean(1).numpy()


fields = {
    "seed": st.integers(0, 999),
    "blur": st.floats(0, 3),
    "strength": st.floats(0.05, 3),
}


@given(fraction=st.floats(0.02, 0.98), **fields)
def test_two_phases_take_their_fractions(fraction, seed, blur, strength):
    clean = estimate(1, seed, blur, strength)
    result = balance_phases(clean, np.array([1 - fraction, fraction]))
    assert shares(result)[1] == pytest.approx(fraction, abs=1e-3)


@given(parts=st.lists(st.floats(0.05, 1), min_size=3, max_size=4), **fields)
def test_more_phases_take_their_fractions(parts, seed, blur, strength):
    fractions = np.array(parts) / sum(parts)
    result = balance_phases(estimate(len(parts), seed, blur, strength), fractions)
    assert np.allclose(shares(result), fractions, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_balanced_stays(channels):
    clean = estimate(channels, 1, 1.5, 1.0)
    assert torch.allclose(balance_phases(clean, shares(clean)), clean, atol=2e-3)


def test_more_of_a_phase_is_more_everywhere():
    clean = estimate(1, 2, 1.0, 1.0)
    few, many = (balance_phases(clean, np.array([1 - f, f])) for f in (0.3, 0.4))
    assert (many > few).all()
    order = clean.flatten().argsort()
    assert (many.flatten()[order].diff() >= -1e-6).all()


def test_more_of_one_of_three_phases_takes_voxels_from_the_others_only():
    clean = estimate(3, 3, 1.0, 1.0)
    before = decode(balance_phases(clean, np.array([0.3, 0.3, 0.4])))
    after = decode(balance_phases(clean, np.array([0.25, 0.25, 0.5])))
    assert (after[before == 2] == 2).all() and (after == 2).sum() > (before == 2).sum()


def test_the_estimate_is_kept_finite_and_its_input_whole():
    clean = torch.tensor([-50.0, -1.2, -1.0, 1.0, 1.2, 50.0]).view(1, 1, 2, 3)
    before = clean.clone()
    result = balance_phases(clean, np.array([0.5, 0.5]))
    assert torch.equal(clean, before)
    assert result.abs().max() < LIMIT and result[0, 0, 0, 0] == result[0, 0, 0, 1]
    assert math.isclose(float(result.sum()), 0, abs_tol=1e-3)
