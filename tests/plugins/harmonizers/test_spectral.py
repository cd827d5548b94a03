"""The harmonizer through sample_steps(), with everything on."""

import attrs
import numpy as np
import pytest
import torch

from recon.core import Micrographs, Recipe, ReconError, sample_steps
from recon.core.data.planes import NORMAL, PLANES
from recon.core.recipe import Choice
from recon.core.sampling.noise import respace
from recon.core.sampling.philox import START, draw_normal
from recon.core.sampling.scene import Scene
from recon.core.sampling.step import Step
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
    *_, state = sample_steps(recipe, **given)
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
    states = list(sample_steps(recipe(), denoiser=fitted))
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
        return draw_normal(0, START, n, shape)

    assert torch.equal(Spectral(informed=False).start(scene, noise), noise(0))
    harmonizer = Spectral()
    start = harmonizer.start(harmonizer.prepare(scene), noise)
    signal = start - np.sqrt(1 - scene.ab_start) * noise(0)
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
    check_plugin(Spectral, rounds=0, informed=False, balance=False, h_max=0.0)


@pytest.mark.parametrize(("decided", "share"), [(0.0, 0.5), (1.0, 0.2)])
def test_the_balance_rests_once_the_phases_are_decided(decided, share):
    """Half and half is wanted, one in five is there, and this is the last step."""
    statistics = denoiser(2).statistics
    scene = Scene((1, *SHAPE), (True, True, True), 1e-4, statistics)
    step = attrs.evolve(respace(Gaussian().alpha_bar, 20)[-1], planes=("xy",))
    rank = torch.randperm(int(np.prod(SHAPE)), generator=torch.Generator().manual_seed(0))
    clean = (0.2 * len(rank) - rank).view(1, *SHAPE) / len(rank)
    harmonizer = Spectral(balance_above=decided, h_max=1e-6, fraction=(0.5, 0.5))
    x, scene = np.sqrt(step.ab_t) * clean, harmonizer.prepare(scene)
    result = harmonizer.advance(x, step, lambda _, turn: clean, lambda n: x, scene)
    assert (result > 0).double().mean() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("phases", [2, 3])
def test_a_volume_takes_the_fractions_that_are_asked_for(phases):
    wanted = (0.6, 0.4) if phases == 2 else (0.5, 0.3, 0.2)
    # A closed form is less sharp than a network, and hot noise in so few voxels moves the shares.
    volume = last(
        recipe(fraction=wanted, filter_above=0.0, temperature=0.8), denoiser=denoiser(phases)
    ).volume
    share = np.bincount(volume.labels.ravel(), minlength=phases) / volume.labels.size
    assert np.allclose(share, wanted, atol=0.04)


def test_fractions_of_another_number_of_phases_are_refused():
    with pytest.raises(ReconError, match="one number for each of the 2 phases, got 3"):
        last(recipe(fraction=(0.2, 0.3, 0.5)), denoiser=denoiser(2))


def test_samples_vary_in_their_fractions_and_do_not_when_told_so():
    fitted = denoiser(2)
    shares = [
        [last(recipe(vary=vary), denoiser=fitted, sample=n).volume.labels.mean() for n in range(6)]
        for vary in (True, False)
    ]
    assert np.std(shares[0]) > 2 * np.std(shares[1])


def prepared(harmonizer):
    """A scene as a harmonizer prepares it."""
    scene = Scene((1, *SHAPE), (True, True, True), 1e-4, denoiser(2).statistics)
    return harmonizer.prepare(scene)


def step_at(s2):
    """A step at a noise-to-signal ratio."""
    return Step(3, 10, 0, 1 / (1 + s2), 1 / (1 + s2 / 2), ("xy",))


def test_the_temperature_answers_to_the_interface():
    generator = torch.Generator().manual_seed(0)
    rough = torch.randn((1, *SHAPE), generator=generator)
    smooth = torch.ones((1, *SHAPE))
    smooth[:, 5:] = -1
    harmonizer = Spectral()
    scene, late, early = prepared(harmonizer), step_at(1.0), step_at(20.0)

    def temperature(field, step, **options):
        return attrs.evolve(harmonizer, **options).choose_temperature(field, step, scene)

    assert temperature(rough, late) < harmonizer.temperature
    assert temperature(smooth, late) > harmonizer.temperature
    assert temperature(rough, late, interface_gain=0.0) == harmonizer.temperature
    assert temperature(rough, early, anneal_below=0.0) == harmonizer.temperature


def test_rounds_are_spent_while_phases_are_decided_and_turn_the_planes():
    fitted = denoiser(2)
    harmonizer = Spectral(rounds=2, start_noise=60.0, renoise_range=(0.15, 4.0))
    steps = harmonizer.steps(fitted.alpha_bar, 30)
    levels = [(1 - step.ab_t) / step.ab_t for step in steps]
    assert levels[0] == pytest.approx(60, rel=0.02) and levels[-1] == pytest.approx(0.02, rel=0.05)
    assert np.allclose(np.diff(np.log(levels)), np.log(0.02 / 60) / 29, rtol=0.1)
    scene = Scene((1, *SHAPE), (True, True, True), steps[0].ab_t, fitted.statistics)
    scene = harmonizer.prepare(scene)
    for step, level in zip(steps, levels, strict=True):
        turns = []

        def clean(x, turn=0, turns=turns):
            turns.append(turn)
            return x.clamp(-1, 1)

        step = attrs.evolve(step, planes=("xy",))
        x = torch.zeros((1, *SHAPE))
        harmonizer.advance(x, step, clean, lambda n, zero=x: zero, scene)
        inside = 0.15 <= level < 4 and not step.last
        assert turns == ([0, 1, 2] if inside else [0])


def test_below_a_noise_the_slices_are_taken_as_they_are():
    x = draw_normal(0, START, 0, (1, *SHAPE))
    guess = 0.5 * draw_normal(1, START, 0, (1, *SHAPE))
    harmonizer = Spectral(filter_above=0.3, balance=False)
    scene = prepared(harmonizer)
    for factor, same in ((0.29, True), (0.31, False)):
        step = step_at(factor * scene.prepared.half_variance_noise)

        def estimate(harmonizer, step=step):
            return harmonizer.estimate(x, step, lambda x, turn=0: guess, scene, 0)

        assert torch.equal(estimate(harmonizer), guess) == same
        assert not torch.equal(estimate(Spectral(filter_above=0.0, balance=False)), guess)


def test_rounds_begin_where_the_covariance_tells_half_of_a_slice():
    harmonizer = Spectral(rounds=3, renoise_range=(0.15, 0.0))
    scene = prepared(harmonizer)
    for factor, rounds in ((0.9, 3), (1.1, 0)):
        step = step_at(factor * scene.prepared.half_variance_noise)
        assert harmonizer.count_rounds(step, scene) == rounds
        assert Spectral(rounds=3, renoise_range=(0.15, 1e4)).count_rounds(step, scene) == 3
    assert harmonizer.count_rounds(step_at(0.14), scene) == 0


def test_the_temperature_is_one_until_it_cools():
    field = draw_normal(0, START, 0, (1, *SHAPE))
    scene = prepared(Spectral())
    for factor, expected in ((1.1, 1.0), (0.6, 1.0), (0.4, 0.7)):
        step = step_at(factor * scene.prepared.half_variance_noise)
        cooled = Spectral(temperature=0.7, anneal_below=0.5)
        assert cooled.choose_temperature(field, step, scene) == expected
        hot = Spectral(temperature=0.7, anneal_below=0.0)
        assert hot.choose_temperature(field, step, scene) == 0.7


def test_a_scene_that_was_not_prepared_is_refused():
    scene = Scene((1, *SHAPE), (True, True, True), 1e-4, denoiser(2).statistics)
    with pytest.raises(TypeError, match="prepare"):
        Spectral().count_rounds(step_at(1.0), scene)


def test_refiners_are_told_the_fractions_that_it_aims_at():
    assert prepared(Spectral(fraction=(0.3, 0.7))).fractions.tolist() == [0.3, 0.7]
    assert prepared(Spectral(balance=False)).fractions is None
