"""Covariance of a volume from its planes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core import ReconError
from recon.core.data.planes import PLANES, in_plane
from recon.plugins.harmonizers.extension import extend_covariance

LAG = 14
R = np.arange(-LAG, LAG + 1)


def planes_of(function):
    """plane -> (1, a, b), and the middle of the volume's own, of a correlation of (z, y, x)."""
    lags = np.meshgrid(R, R, R, indexing="ij")
    whole = function(*lags)
    index = {"xy": whole[LAG], "xz": whole[:, LAG], "yz": whole[:, :, LAG]}
    return {plane: index[plane][None] for plane in PLANES}, whole


def middle(whole, shape):
    cut = [(have - want) // 2 for have, want in zip(whole.shape, shape, strict=True)]
    return whole[tuple(slice(c, c + side) for c, side in zip(cut, shape, strict=True))]


lengths = st.tuples(*[st.floats(0.5, 1.5)] * 3)


@given(lengths=lengths, waves=st.tuples(*[st.floats(0, 0.9)] * 3), cutoff=st.floats(1e-4, 0.1))
def test_a_separable_covariance_is_exact_up_to_the_cut_off(lengths, waves, cutoff):
    """Lines that change their sign too, whatever counts as noise."""

    def separable(*r):
        parts = zip(r, lengths, waves, strict=True)
        return 0.7 * np.prod([np.exp(-np.abs(s) / a) * np.cos(w * s) for s, a, w in parts], 0)

    planes, whole = planes_of(separable)
    rho = extend_covariance(planes, 0, cutoff)
    assert np.allclose(rho, middle(whole, rho.shape), atol=1e-12)
    rest = np.abs(whole).sum() - np.abs(middle(whole, rho.shape)).sum()
    assert rest < 0.7 * cutoff * whole.size


@pytest.mark.parametrize("tilt", [-0.12, 0.12])
def test_a_tilted_gaussian_is_exact_and_keeps_its_tilt(tilt):
    def gaussian(z, y, x):
        return np.exp(-(z**2 / 5 + y**2 / 4 + x**2 / 3 + tilt * y * x - 0.05 * z * x))

    planes, whole = planes_of(gaussian)
    rho = extend_covariance(planes, 0, 1e-7)
    assert np.allclose(rho, middle(whole, rho.shape), atol=1e-4)
    z, y, x = (side // 2 for side in rho.shape)
    assert (rho[z, y + 2, x + 2] > rho[z, y + 2, x - 2]) == (tilt < 0)


def test_the_ratio_of_noise_to_noise_does_not_count():
    rng = np.random.default_rng(0)
    planes, whole = planes_of(lambda *r: np.exp(-sum(np.abs(s) / 3 for s in r)))
    for plane in planes:
        noise = 0.02 * rng.normal(size=planes[plane].shape)
        noise = (noise + noise[:, ::-1, ::-1]) / 2
        noise[0, LAG, LAG] = 0
        planes[plane] = planes[plane] + noise
    rho = extend_covariance(planes, 0, 0.01)
    assert np.abs(rho - middle(whole, rho.shape)).max() < 0.12
    assert max(rho.shape) // 2 <= 18


def test_a_line_that_does_not_end_is_brought_to_zero():
    planes, _ = planes_of(lambda z, y, x: np.exp(-(y**2) / 4 - x**2 / 4) + 0 * z)
    rho = extend_covariance(planes, 0, 0.01)
    z, y, x = (side // 2 for side in rho.shape)
    assert z == LAG and y <= 5 and x <= 5
    assert np.allclose(rho[z - 7 : z + 8, y, x], 1) and rho[0, y, x] < 0.05


def test_a_plane_not_seen_is_taken_for_separable():
    planes, whole = planes_of(lambda z, y, x: np.exp(-(z**2) / 9 - y**2 / 6 - x**2 / 4))
    del planes["yz"]
    rho = extend_covariance(planes, 0, 1e-6)
    assert np.allclose(rho, middle(whole, rho.shape), atol=1e-12)
    del planes["xz"]
    with pytest.raises(ReconError, match="no micrograph shows axis z"):
        extend_covariance(planes, 0, 1e-6)


def test_planes_of_different_size_and_variance_are_pooled():
    planes, whole = planes_of(lambda z, y, x: np.exp(-(z**2) / 9 - y**2 / 6 - x**2 / 4))
    planes["xy"] = 1.2 * planes["xy"][:, 4:-4, 5:-5]
    assert in_plane("xy") == (1, 2)
    rho = extend_covariance(planes, 0, 1e-4)
    assert np.allclose(rho / rho.max(), middle(whole, rho.shape), atol=1e-12)
    assert rho.max() == pytest.approx(3.2 / 3)
