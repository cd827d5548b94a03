"""The harmonizer through reconstruct(), with everything on."""

import attrs
import numpy as np
import pytest
import torch

from recon.core import Micrographs, Recipe, ReconError, reconstruct
from recon.core.noise import respaced
from recon.core.philox import START, normal
from recon.core.planes import NORMAL, PLANES
from recon.core.recipe import Choice
from recon.core.scene import Scene
from recon.core.testing import check_plugin
from recon.plugins.denoisers.gaussian import Gaussian
from recon.plugins.harmonizers.spectral import Spectral

SHAPE = (14, 12, 10)


def denoiser(phases):
    """Fitted to slices of a thresholded field."""
    rng = np.random.default_rng(0)
    waves = np.exp(-25 * sum(np.square(k) for k in np.meshgrid(*[np.fft.fftfreq(24)] * 3)))
    field = np.fft.ifftn(waves * np.fft.fftn(rng.normal(size=(24,) * 3))).real
    labels = np.digitize(field, np.quantile(field, np.arange(1, phases) / phases))
    stacks = {plane: list(np.moveaxis(labels, NORMAL[plane], 0)) for plane in PLANES}
    fitted = Gaussian()
    fitted.fit(Micrographs(stacks))
    return fitted


def last(recipe, **given):
    *_, state = reconstruct(recipe, **given)
    return state


def recipe(**options):
    return Recipe(
        steps=5,
        shape=SHAPE,
        harmonizer=Choice("spectral", {"rounds": 1} | options),
        periodic=("y",),
    )


@pytest.mark.parametrize("phases", [2, 3])
def test_the_result_depends_neither_on_the_chunk_nor_on_resuming(phases):
    fitted = denoiser(phases)
    states = list(reconstruct(recipe(), denoiser=fitted))
    assert states[-1].volume.labels.shape == SHAPE
    for chunk in (1, 5):
        assert torch.equal(last(recipe(), denoiser=fitted, chunk=chunk).x, states[-1].x)
    again = last(recipe(), denoiser=fitted, start=(3, states[2].x))
    assert torch.equal(again.x, states[-1].x)
    other = last(recipe(), denoiser=fitted, sample=1)
    assert not torch.equal(other.x, states[-1].x)


@pytest.mark.parametrize("phases", [2, 3])
def test_phases_keep_their_fractions(phases):
    volume = last(recipe(vary=False), denoiser=denoiser(phases)).volume
    share = np.bincount(volume.labels.ravel(), minlength=phases) / volume.labels.size
    assert np.allclose(share, 1 / phases, atol=0.02)


def test_the_start_is_the_plain_one_when_not_informed_and_near_it_otherwise():
    fitted = denoiser(2)
    scene = Scene((1, *SHAPE), (False, True, False), fitted.alpha_bar[-1], fitted.statistics)

    def noise(n, *, shape=scene.shape):
        return normal(0, START, n, shape)

    assert torch.equal(Spectral(informed=False).start(scene, noise), noise(0))
    signal = Spectral().start(scene, noise) - np.sqrt(1 - scene.ab_start) * noise(0)
    assert (signal / np.sqrt(scene.ab_start)).std() == pytest.approx(1, rel=0.4)


def test_without_statistics_the_remedy_is_told():
    @attrs.define(eq=False)
    class Blank(Gaussian):
        """Knows nothing of its field."""

        statistics = None

    with pytest.raises(ReconError, match="take harmonizer gamma-blend"):
        last(recipe(), denoiser=Blank())


def test_check_plugin():
    check_plugin(Spectral)
    check_plugin(Spectral, rounds=0, informed=False, balance=False, h_max=0.0, gamma=0.5)


@pytest.mark.parametrize(("decided", "share"), [(0.0, 0.5), (1.0, 0.2)])
def test_the_balance_rests_once_the_phases_are_decided(decided, share):
    """Half and half is wanted, one in five is there, and this is the last step."""
    statistics = denoiser(2).statistics
    scene = Scene((1, *SHAPE), (True, True, True), 1e-4, statistics)
    step = attrs.evolve(respaced(Gaussian().alpha_bar, 20)[-1], planes=("xy",))
    rank = torch.randperm(int(np.prod(SHAPE)), generator=torch.Generator().manual_seed(0))
    clean = (0.2 * len(rank) - rank).view(1, *SHAPE) / len(rank)
    harmonizer = Spectral(decided=decided, h_max=1e-6, fraction=(0.5, 0.5))
    x = np.sqrt(step.ab_t) * clean
    result = harmonizer.advance(x, step, lambda _, turn: clean, lambda n: x, scene)
    assert (result > 0).double().mean() == pytest.approx(share, abs=0.02)
