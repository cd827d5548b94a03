import numpy as np
import pytest
import torch
from scipy.special import ndtr

from recon.core import Micrographs, ReconError, weights
from recon.core.data.statistics import autocovariance
from recon.core.sampling.noise import respace
from recon.plugins.denoisers.gaussian import Gaussian, level_cut, wrapped
from recon.workflow.pack_weights import pack_weights


def field(rng, shape, lengths, count):
    """Periodic Gaussian fields of unit variance and separable Gaussian covariance."""
    waves = [2 * np.pi * np.fft.fftfreq(n) for n in shape]
    decay = np.exp(-0.25 * ((waves[0][:, None] * lengths[0]) ** 2 + (waves[1] * lengths[1]) ** 2))
    noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((count, *shape))) * decay).real
    return noise / np.sqrt(np.mean(decay**2))


def test_the_estimate_is_the_posterior_mean_of_small_slices():
    """Against the dense formula K (K + s2)^-1 u of a Gaussian vector."""
    denoiser = Gaussian(lengths=(1.0, 1.5, 2.5), fraction=0.3)
    a, b = 5, 6
    p2 = np.fft.irfft2(denoiser.spectrum((a, b), "xz")[0], (a, b))
    index = [(i, j) for i in range(a) for j in range(b)]
    k = np.array([[p2[(i - m) % a, (j - n) % b] for m, n in index] for i, j in index])
    step = respace(denoiser.alpha_bar, 20)[12]
    x = torch.randn((3, 1, a, b), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    s2 = (1 - step.ab_t) / step.ab_t
    u = x.numpy().reshape(3, -1) / np.sqrt(step.ab_t) - denoiser.mean()
    expected = denoiser.mean() + u @ (k @ np.linalg.inv(k + s2 * np.eye(len(k))))
    assert np.allclose(denoiser.clean(x, step, "xz").numpy().reshape(3, -1), expected, atol=1e-10)


def test_the_spectrum_belongs_to_the_plane():
    denoiser = Gaussian(lengths=(1.0, 2.0, 3.0))
    for plane, lengths in {"xy": (2, 3), "xz": (1, 3), "yz": (1, 2)}.items():
        rho = np.fft.irfft2(denoiser.spectrum((40, 40), plane)[0], (40, 40))
        for lag in (1, 2, 5):
            assert rho[lag, 0] == pytest.approx(np.exp(-0.5 * (lag / lengths[0]) ** 2), abs=1e-9)
            assert rho[0, lag] == pytest.approx(np.exp(-0.5 * (lag / lengths[1]) ** 2), abs=1e-9)
        assert rho[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize("mean", [-1.0, 0.0, 0.7])
def test_level_cut_inverts_the_covariance_of_a_thresholded_field(mean):
    rho = np.linspace(-0.9, 0.999, 9)
    v = np.linspace(0, 1, 20001)
    for r in rho:
        angle = np.arcsin(r) * v
        integrand = np.exp(-(mean**2) / (1 + np.sin(angle)))
        covariance = 2 / np.pi * np.arcsin(r) * np.trapezoid(integrand, v)
        assert level_cut(np.array(covariance), mean) == pytest.approx(r, abs=1e-3)
    share = ndtr(mean)
    assert level_cut(np.array(4 * share * (1 - share)), mean) == pytest.approx(1.0, abs=1e-3)
    if mean == 0:
        assert level_cut(np.array(0.5), 0.0) == pytest.approx(np.sin(np.pi / 4))  # arcsine law


def test_fitted_to_a_level_cut_it_finds_the_field_behind_it():
    rng = np.random.default_rng(0)
    lengths, mean = (2.0, 4.0), -0.4
    images = field(rng, (128, 128), lengths, 40) + mean > 0
    denoiser = Gaussian()
    denoiser.fit(Micrographs({"xy": images}))
    assert denoiser.mean() == pytest.approx(mean, abs=0.05)
    latent = denoiser._latent["xy"][0]
    middle = [side // 2 for side in latent.shape]
    for lag in (1, 2, 4):
        down, right = latent[middle[0] + lag, middle[1]], latent[middle[0], middle[1] + lag]
        assert down == pytest.approx(np.exp(-0.5 * (lag / lengths[0]) ** 2), abs=0.05)
        assert right == pytest.approx(np.exp(-0.5 * (lag / lengths[1]) ** 2), abs=0.05)


def test_wrapped_puts_every_lag_in_its_place():
    covariance = np.arange(2 * 5 * 7.0).reshape(2, 5, 7)
    grid = wrapped(covariance, (9, 12))
    for da in range(-2, 3):
        for db in range(-3, 4):
            assert np.array_equal(grid[:, da % 9, db % 12], covariance[:, 2 + da, 3 + db])
    assert np.count_nonzero(grid) == np.count_nonzero(covariance)
    assert wrapped(covariance, (3, 4)).shape == (2, 3, 4)


def test_weights_hold_the_material_and_planes_not_seen_are_refused(tmp_path):
    rng = np.random.default_rng(1)
    stack = rng.integers(0, 3, (2, 20, 24))
    denoiser = Gaussian()
    facts = denoiser.fit(Micrographs({"yz": stack}, phases="abc"))
    (tmp_path / "g.safetensors").write_bytes(pack_weights(denoiser, facts))
    stored = weights.read(tmp_path / "g.safetensors")
    again = weights.load(stored, "gaussian", {}, "cpu")
    known, kept = denoiser.material.statistics, again.material.statistics
    measured = {name for name, arrays in known.arrays.items() if arrays}
    assert measured == {"refiner.islands", "refiner.patterns"}  # no profile: it is not graded
    assert kept.arrays.keys() == known.arrays.keys()
    for plugin, arrays in known.arrays.items():
        assert arrays.keys() == kept.arrays[plugin].keys()
        for name, array in arrays.items():
            assert np.array_equal(kept.arrays[plugin][name], array)
            assert kept.arrays[plugin][name].dtype == array.dtype
    assert again.material.phases == ("a", "b", "c")
    expected = autocovariance(tuple(stack.astype(np.uint8)), 3, 48)
    assert np.allclose(again.material.statistics.covariance["yz"], expected, atol=1e-6)
    x = torch.randn((2, 3, 16, 16))
    step = respace(again.alpha_bar, 5)[2]
    assert torch.allclose(again.clean(x, step, "yz"), denoiser.clean(x, step, "yz"), atol=1e-5)
    with pytest.raises(ReconError, match="no micrographs of plane xy"):
        again.clean(x, step, "xy")
