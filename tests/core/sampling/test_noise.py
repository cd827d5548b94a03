import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recon.core import ReconError
from recon.core.sampling.noise import ALPHA_BAR, renoise, respace, reverse
from recon.core.sampling.step import T


def test_schedules_fall_from_one_to_the_signal_that_the_design_states():
    for ab in ALPHA_BAR.values():
        assert len(ab) == T and 0.999 < ab[0] < 1 and np.all(np.diff(ab) < 0)
    assert np.sqrt(ALPHA_BAR["paper"][-1]) == pytest.approx(0.08, abs=0.002)
    assert np.sqrt(ALPHA_BAR["linear-2e-2"][-1]) == pytest.approx(0.006, abs=0.001)
    assert 0 < np.sqrt(ALPHA_BAR["cosine"][-1]) < 0.006


@given(st.integers(1, T), st.sampled_from(sorted(ALPHA_BAR)))
def test_respaced_steps_hang_together(steps, name):
    ab = ALPHA_BAR[name]
    taken = respace(ab, steps)
    assert len(taken) == steps and taken[0].t == T - 1 and taken[-1].ab_s == 1.0
    assert all(a.ab_s == b.ab_t and a.t > b.t for a, b in zip(taken, taken[1:], strict=False))
    assert [step.last for step in taken] == [False] * (steps - 1) + [True]


def test_all_steps_are_the_papers():
    betas = [step.beta for step in respace(ALPHA_BAR["paper"], T)]
    assert np.allclose(betas, np.linspace(1e-4, 1e-2, T)[::-1])


@pytest.mark.parametrize("steps", [0, -3, T + 1])
def test_a_number_of_steps_out_of_range_is_refused(steps):
    with pytest.raises(ReconError, match=rf"steps must be in \[1, 1000\], got {steps}"):
        respace(ALPHA_BAR["paper"], steps)


def test_the_mean_is_equation_8_for_both_variances():
    step = respace(ALPHA_BAR["paper"], T)[400]
    x, clean, zero = torch.randn(3, 5, dtype=torch.float64)[:2].unbind() + (torch.zeros(5),)
    alpha, ab = 1 - step.beta, step.ab_t
    epsilon = (x - ab**0.5 * clean) / (1 - ab) ** 0.5
    expected = (x - (1 - alpha) / (1 - ab) ** 0.5 * epsilon) / alpha**0.5
    for variance in ("posterior", "beta"):
        mean = reverse(x, clean, step, zero, variance=variance, eta=1.0, temperature=1.0)
        assert torch.allclose(mean, expected, atol=1e-12)


@given(st.floats(0, 1), st.sampled_from(["posterior", "beta"]), st.integers(2, 200))
def test_a_perfect_estimate_keeps_the_forward_marginal(eta, variance, steps):
    """With the true clean value, posterior steps keep x_s ~ N(sqrt(ab_s) x0, 1 - ab_s)."""
    step = respace(ALPHA_BAR["linear-2e-2"], steps)[0]
    x0, one, zero = torch.tensor(0.7), torch.tensor(1.0), torch.tensor(0.0)
    x = step.ab_t**0.5 * x0 + (1 - step.ab_t) ** 0.5 * one

    def draw(x, z):
        return reverse(x, x0, step, z, variance=variance, eta=eta, temperature=1.0)

    mean = draw(step.ab_t**0.5 * x0, zero)
    spread2 = (draw(x, zero) - mean) ** 2 + (draw(x, one) - draw(x, zero)) ** 2
    assert mean == pytest.approx(step.ab_s**0.5 * 0.7, abs=1e-5)
    if variance == "posterior":
        assert spread2 == pytest.approx(1 - step.ab_s, abs=1e-5)
    else:
        assert spread2 > 1 - step.ab_s - 1e-5


def test_renoising_is_the_forward_process():
    step = respace(ALPHA_BAR["linear-2e-2"], 50)[10]
    one, zero = torch.tensor(1.0), torch.tensor(0.0)
    assert renoise(one, step, zero, temperature=1.0) ** 2 == pytest.approx(1 - step.beta)
    assert renoise(zero, step, one, temperature=1.0) ** 2 == pytest.approx(step.beta)
    assert renoise(zero, step, one, temperature=0.5) ** 2 == pytest.approx(step.beta / 4)
