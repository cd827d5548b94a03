"""Steps spaced by the logarithm of the noise."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recon.core.sampling.noise import ALPHA_BAR
from recon.core.sampling.step import T
from recon.plugins.harmonizers.spacing import space_logarithmically


@given(
    st.integers(1, T),
    st.sampled_from(sorted(ALPHA_BAR)),
    st.floats(1e-5, 1e4),
    st.floats(1.01, 1e6),
)
def test_log_spaced_steps_hang_together(steps, name, last, ratio):
    taken = space_logarithmically(ALPHA_BAR[name], steps, last * ratio, last)
    assert len(taken) == steps and taken[-1].ab_s == 1.0 and taken[-1].t >= 0
    assert all(a.ab_s == b.ab_t and a.t > b.t for a, b in zip(taken, taken[1:], strict=False))


def test_log_spaced_steps_have_even_ratios_of_noise():
    taken = space_logarithmically(ALPHA_BAR["linear-2e-2"], 20, 50.0, 0.05)
    levels = [(1 - step.ab_t) / step.ab_t for step in taken]
    assert np.allclose(levels, np.geomspace(50, 0.05, 20), rtol=0.03)
