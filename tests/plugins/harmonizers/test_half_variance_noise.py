"""The scale of noise of a material."""

import numpy as np
import pytest

from recon.core.data.statistics import Statistics
from recon.plugins.harmonizers.half_variance_noise import find_half_variance_noise


def statistics(*covariances: np.ndarray) -> Statistics:
    planes = dict(zip(("xy", "xz", "yz"), (c[None] for c in covariances), strict=False))
    return Statistics(np.array([0.5, 0.5]), np.zeros(1), planes)


def bell(length: float, side: int = 301) -> np.ndarray:
    lag = np.arange(side) - side // 2
    line = np.exp(-((lag / length) ** 2))
    return np.multiply.outer(line, line)


@pytest.mark.parametrize("variance", [0.0, 1e-30, 1e-4, 0.3, 1.0])
def test_of_white_noise_it_is_the_variance(variance):
    white = np.zeros((21, 31))
    white[10, 15] = variance
    assert find_half_variance_noise(statistics(white)) == pytest.approx(variance, rel=1e-2)


def test_features_of_twice_the_size_are_told_under_four_times_the_noise():
    small, large = (find_half_variance_noise(statistics(bell(length))) for length in (3.0, 6.0))
    assert large / small == pytest.approx(4.0, rel=0.1)


def test_planes_count_alike_whatever_their_lags():
    one = find_half_variance_noise(statistics(bell(3.0)))
    assert find_half_variance_noise(statistics(bell(3.0), bell(3.0, 201))) == pytest.approx(
        one, rel=0.05
    )
    between = find_half_variance_noise(statistics(bell(3.0), bell(6.0)))
    assert one < between < find_half_variance_noise(statistics(bell(6.0)))


def test_half_of_the_variance_is_left_open_there():
    """Against the filter itself: noise is added to a field of that covariance and filtered off."""
    rng = np.random.default_rng(0)
    side, length = 256, 4.0
    lag = np.minimum(np.arange(side), side - np.arange(side))
    line = np.exp(-((lag / length) ** 2))
    power = np.fft.fft2(np.multiply.outer(line, line)).real.clip(min=0)
    field = np.fft.ifft2(np.sqrt(power) * np.fft.fft2(rng.normal(size=(side, side)))).real
    s2 = find_half_variance_noise(statistics(bell(length)))
    noisy = field + np.sqrt(s2) * rng.normal(size=field.shape)
    told = np.fft.ifft2(power / (power + s2) * np.fft.fft2(noisy)).real
    assert np.mean((told - field) ** 2) / field.var() == pytest.approx(0.5, abs=0.05)
