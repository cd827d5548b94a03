"""Spectra of volume and slices, the field drawn from them, and the filter."""

import numpy as np
import pytest
import torch

from recon.core.data.planes import NORMAL, PLANES
from recon.core.sampling.scene import Scene
from recon.plugins.harmonizers.grid_covariance import fold_lags
from recon.plugins.harmonizers.spectrum import Spectrum, reflect_index

SHAPE = (9, 12, 10)


def covariance(tilt=0.1, channels=2):
    """Planes of a tilted field of variances 0.9 and 0.45; no Gaussian shape, so not positive."""
    r = np.arange(-8, 9)
    a, b = r[:, None], r
    one = {
        plane: np.exp(-np.sqrt(a**2 / 4 + b**2 / 6 + 2 * sign * tilt * a * b))
        for plane, sign in zip(PLANES, (1, 0, -1), strict=True)
    }
    return {
        plane: np.stack([0.9 / (c + 1) * rho for c in range(channels)])
        for plane, rho in one.items()
    }


def spectrum(periodic=(True, True, True), shape=SHAPE, **given):
    scene = Scene((2, *shape), periodic, 1e-4)
    return Spectrum.of(covariance(**given), scene, 0.01, 0.01)


def full(half, grid):
    """All waves (C, Z, Y, X) of a real field's power."""
    half = half.double().broadcast_to((len(half), *grid[:2], grid[2] // 2 + 1))
    lags = torch.fft.irfftn(half, grid, (1, 2, 3))
    return torch.fft.fftn(lags, dim=(1, 2, 3)).real.numpy()


def factor(results, gain):
    """The factor of all waves."""
    return gain(results.p3, 0, results.grid[1])


@pytest.mark.parametrize("periodic", [(True, True, True), (False, True, False)])
def test_power_is_positive_and_its_mean_the_variance(periodic):
    result = spectrum(periodic)
    power = full(result.p3, result.grid)
    assert power.min() > 0.005
    assert np.allclose(power.mean((1, 2, 3)), [0.9, 0.45], atol=1e-5)


def test_power_of_a_slice_is_the_mean_over_its_normal():
    result = spectrum((False, True, False))
    power = full(result.p3, result.grid)
    for plane, normal in NORMAL.items():
        expected = power.mean(normal + 1, keepdims=True)
        assert np.allclose(full(result.p2[plane], result.grid), expected, atol=1e-3)


def test_padding_only_where_the_volume_does_not_wrap():
    assert spectrum().grid == SHAPE
    z, y, x = spectrum((False, True, False)).grid
    assert y == 12 and z >= 9 + 7 and x >= 10 + 7


def test_the_tilt_of_a_plane_is_in_the_drawn_field():
    result = spectrum((False, True, True), shape=(24, 24, 24), tilt=0.15)
    white = torch.randn((2, *result.grid), generator=torch.Generator().manual_seed(0))
    field = result.colour(white)[0].numpy()
    assert field.shape == (24, 24, 24)
    assert field.var() == pytest.approx(0.9, rel=0.15)

    def product(y, x):
        return (field * np.roll(field, (y, x), (1, 2))).mean()

    assert product(2, 2) < product(2, -2) - 0.1
    faces = (field[0] * field[-1]).mean()
    assert abs(faces) < 0.2 < (field[0] * field[1]).mean()


def test_a_gain_of_one_changes_nothing():
    result = spectrum((False, True, False))
    field = torch.randn((2, *SHAPE), generator=torch.Generator().manual_seed(0))
    assert torch.allclose(
        result.filter(field, lambda p3, low, high: torch.ones_like(p3)), field, atol=1e-5
    )


def test_the_filter_reaches_round_the_volume_only_where_it_wraps():
    impulse = torch.zeros((2, *SHAPE))
    impulse[:, -1, 6, 5] = 1.0
    for periodic in (False, True):
        result = spectrum((periodic, True, True))
        lines = result.filter(impulse, lambda p3, low, high: p3)[:, :, 6, 5]
        first, beside = lines[:, 0], lines[:, -2]
        assert torch.allclose(first, beside, rtol=1e-3) if periodic else (first < beside / 20).all()


def test_a_constant_stays_constant_where_the_volume_ends():
    result = spectrum((False, False, False))
    gain = result.wiener_gain(1.0, ("xy",), 0.0)
    field = torch.ones((2, *SHAPE))
    constant = factor(result, gain)[:, :1, :1, :1]
    assert torch.allclose(result.filter(field, gain), constant * field, atol=1e-5)


def test_the_gain_is_the_ratio_of_what_slices_and_volume_leave():
    result = spectrum()
    for planes in (("xz",), PLANES):
        lost = sum(0.3 / (result.p2[plane] + 0.3) for plane in planes) / len(planes)
        expected = 0.3 / (result.p3 + 0.3) / lost
        open_, capped = (
            factor(result, result.wiener_gain(0.3, planes, h_max)) for h_max in (0.0, 2.0)
        )
        assert torch.allclose(open_, expected, rtol=1e-5)
        assert torch.allclose(capped, expected.clamp(max=2), rtol=1e-5)


@pytest.mark.parametrize(("side", "full"), [(4, 9), (5, 7), (3, 17), (6, 6)])
def test_reflection_goes_there_and_back(side, full):
    index = reflect_index(side, full).tolist()
    assert index[:side] == list(range(side)) and set(index) == set(range(side))
    steps = np.abs(np.diff([*index, index[0]]))
    assert (steps > 1).sum() <= 1  # one seam, where both mirrors meet
    assert full < side + 2 or (index[side] == side - 1 and index[-1] == 0)


def test_folding_sums_all_images():
    rho = np.arange(1.0, 8.0).reshape(7, 1, 1)
    assert fold_lags(rho, (0,), (3, 1, 1)).ravel().tolist() == [1 + 4 + 7, 2 + 5, 3 + 6]
    assert fold_lags(rho, (0,), (9, 1, 1)).ravel().tolist() == [4, 5, 6, 7, 0, 0, 1, 2, 3]
