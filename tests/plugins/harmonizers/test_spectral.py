"""The harmonizer through sample_steps(), with everything on."""

import attrs
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, label

from recon.core import Micrographs, Recipe, ReconError, sample_steps
from recon.core.data.encoding import decode
from recon.core.data.planes import NORMAL, PLANES
from recon.core.recipe import Choice
from recon.core.sampling.anchors import EncodedAnchor
from recon.core.sampling.noise import Step, respaced
from recon.core.sampling.philox import START, normal
from recon.core.sampling.scene import Scene
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
    check_plugin(Spectral, rounds=0, informed=False, balance=False, h_max=0.0)


@pytest.mark.parametrize(("decided", "share"), [(0.0, 0.5), (1.0, 0.2)])
def test_the_balance_rests_once_the_phases_are_decided(decided, share):
    """Half and half is wanted, one in five is there, and this is the last step."""
    statistics = denoiser(2).statistics
    scene = Scene((1, *SHAPE), (True, True, True), 1e-4, statistics)
    step = attrs.evolve(respaced(Gaussian().alpha_bar, 20)[-1], planes=("xy",))
    rank = torch.randperm(int(np.prod(SHAPE)), generator=torch.Generator().manual_seed(0))
    clean = (0.2 * len(rank) - rank).view(1, *SHAPE) / len(rank)
    harmonizer = Spectral(balance_above=decided, h_max=1e-6, fraction=(0.5, 0.5))
    x = np.sqrt(step.ab_t) * clean
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


def known_and_step(s2):
    """What is known of a volume, and a step at a noise over signal."""
    fitted = denoiser(2)
    scene = Scene((1, *SHAPE), (True, True, True), 1e-4, fitted.statistics)
    step = Step(3, 10, 0, 1 / (1 + s2), 1 / (1 + s2 / 2), ("xy",))
    return Spectral().known(scene), step


def test_the_temperature_answers_to_the_interface():
    known, late = known_and_step(1.0)
    generator = torch.Generator().manual_seed(0)
    rough = torch.randn((1, *SHAPE), generator=generator)
    smooth = torch.ones((1, *SHAPE))
    smooth[:, 5:] = -1
    harmonizer = Spectral()
    assert harmonizer.heat(rough, late, known) < harmonizer.temperature
    assert harmonizer.heat(smooth, late, known) > harmonizer.temperature
    assert Spectral(interface_gain=0.0).heat(rough, late, known) == harmonizer.temperature
    _, early = known_and_step(20.0)
    assert Spectral(anneal_below=0.0).heat(rough, early, known) == harmonizer.temperature


def test_rounds_are_spent_while_phases_are_decided_and_turn_the_planes():
    fitted = denoiser(2)
    harmonizer = Spectral(rounds=2, start_noise=60.0, renoise_range=(0.15, 4.0))
    steps = harmonizer.steps(fitted.alpha_bar, 30)
    levels = [(1 - step.ab_t) / step.ab_t for step in steps]
    assert levels[0] == pytest.approx(60, rel=0.02) and levels[-1] == pytest.approx(0.02, rel=0.05)
    assert np.allclose(np.diff(np.log(levels)), np.log(0.02 / 60) / 29, rtol=0.1)
    scene = Scene((1, *SHAPE), (True, True, True), steps[0].ab_t, fitted.statistics)
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
    x = normal(0, START, 0, (1, *SHAPE))
    guess = 0.5 * normal(1, START, 0, (1, *SHAPE))
    harmonizer = Spectral(filter_above=0.3, balance=False)
    half = known_and_step(1.0)[0].half_variance_noise
    for s2, same in ((0.29 * half, True), (0.31 * half, False)):
        known, step = known_and_step(s2)
        estimate = harmonizer.harmonized(x, step, lambda x, turn=0: guess, known, 0)
        assert torch.equal(estimate, guess) == same
        filtered = Spectral(filter_above=0.0, balance=False)
        assert not torch.equal(
            filtered.harmonized(x, step, lambda x, turn=0: guess, known, 0), guess
        )


def test_rounds_begin_where_the_covariance_tells_half_of_a_slice():
    harmonizer = Spectral(rounds=3, renoise_range=(0.15, 0.0))
    for factor, rounds in ((0.9, 3), (1.1, 0)):
        known, _ = known_and_step(1.0)
        _, step = known_and_step(factor * known.half_variance_noise)
        assert harmonizer.rounds_of(step, known) == rounds
        assert Spectral(rounds=3, renoise_range=(0.15, 1e4)).rounds_of(step, known) == 3
    _, step = known_and_step(0.14)
    assert harmonizer.rounds_of(step, known) == 0


def test_the_temperature_is_one_until_it_cools():
    field = normal(0, START, 0, (1, *SHAPE))
    half = known_and_step(1.0)[0].half_variance_noise
    for s2, heat in ((1.1 * half, 1.0), (0.6 * half, 1.0), (0.4 * half, 0.7)):
        known, step = known_and_step(s2)
        assert Spectral(temperature=0.7, anneal_below=0.5).heat(field, step, known) == heat
        assert Spectral(temperature=0.7, anneal_below=0.0).heat(field, step, known) == 0.7


def finished(statistics, anchors=(), last=True, **options):
    """Labels after a step, the last one or not, of an estimate that is there already."""
    denoised = respaced(Gaussian().alpha_bar, 20)
    step = attrs.evolve(denoised[-1] if last else denoised[-3], planes=("xy",))
    field = gaussian_filter(np.random.default_rng(1).normal(size=SHAPE), 1.2)
    clean = torch.as_tensor(np.sign(field))[None].float()
    scene = Scene((1, *SHAPE), (False,) * 3, 1e-4, statistics, "cpu", 3, anchors)
    harmonizer = Spectral(informed=False, islands=1.0, temperature=0.0, **options)
    x = np.sqrt(step.ab_t) * clean
    after = harmonizer.advance(x, step, lambda _, turn: clean, lambda n: 0 * x, scene)
    return decode(after).numpy(), decode(clean).numpy()


def test_the_finished_volume_takes_the_patterns_of_the_micrographs():
    statistics = denoiser(2).material.statistics
    after, before = finished(statistics)
    assert not np.array_equal(after, before)
    for phase in range(2):
        assert label(after == phase)[1] == label(before == phase)[1]
    for options in ({"patterns": 0}, {"last": False}):
        after, before = finished(statistics, **options)
        assert np.array_equal(after, before)
    after, before = finished(attrs.evolve(statistics, patterns=None))
    assert np.array_equal(after, before)


def test_patterns_leave_anchors_as_they_were_measured():
    statistics = denoiser(2).material.statistics
    values = torch.ones((1, *SHAPE[1:]))
    values[0, :4] = -1
    after, _ = finished(statistics, (EncodedAnchor(0, 5, values),))
    assert np.array_equal(after[5], values[0].numpy() > 0)
    bare, _ = finished(statistics, (EncodedAnchor(0, 5, values),), patterns=0)
    assert (after != bare).any()
