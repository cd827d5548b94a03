"""For a Gaussian field `spectral` must give the volume's own spectrum, the more steps the nearer.

On a periodic grid the sampler is diagonal in the 3D Fourier basis, so what it makes of every wave
follows from a scalar recursion; spectrum and filter are written here a second time, in closed form.
"""

import attrs
import numpy as np
import pytest
import torch

from recon.core import Recipe, sample_steps
from recon.core.data.planes import NORMAL, PLANES, turn_planes
from recon.core.recipe import Choice
from recon.plugins.denoisers.gaussian import Gaussian
from recon.plugins.harmonizers.spectral import Spectral

SHAPE = (12, 10, 16)
LENGTHS = (1.5, 2.0, 3.0)
DENOISER = Gaussian(lengths=LENGTHS, fraction=0.3)
LINEAR = {
    "h_max": 0.0,
    "rounds": 0,
    "renoise_range": (0.0, 1e9),
    "temperature": 1.0,
    "interface_gain": 0.0,
    "filter_above": 0.0,
    "balance": False,
}
LEVELS = {"start_noise": 1e9, "end_noise": 1e-6}
EXACT = LINEAR | LEVELS | {"min_power": 1e-9, "min_correlation": 1e-7}


def ring(side, length):
    """Spectrum of a line: DFT of exp(-r^2 / 2 l^2) with its images, of unit variance."""
    r = np.arange(side)[:, None] + side * np.arange(-4, 5)
    values = np.exp(-0.5 * (r / length) ** 2).sum(1)
    return np.fft.fft(values / values[0]).real.clip(0)


Z, Y, X = (ring(side, length) for side, length in zip(SHAPE, LENGTHS, strict=True))
P3 = Z[:, None, None] * Y[:, None] * X
P2 = {plane: P3.mean(normal, keepdims=True) for plane, normal in NORMAL.items()}


def predicted(steps, schedule="cyclic", informed=True, exact=True, rounds=0):
    """Response to the start and variance of every wave of the result."""
    response, spread = np.ones(SHAPE), np.zeros(SHAPE)
    if informed:
        ab = DENOISER.alpha_bar[-1]
        response, spread = np.zeros(SHAPE), ab * P3 + 1 - ab
    for step in Spectral(**LEVELS).steps(DENOISER.alpha_bar, steps):
        planes = PLANES if schedule == "simultaneous" else (PLANES[step.number % 3],)
        s2 = (1 - step.ab_t) / step.ab_t
        sg2 = (1 - step.ab_s) / (1 - step.ab_t) * step.beta

        def clean(planes, s2=s2, step=step):
            lost = sum(s2 / (P2[plane] + s2) for plane in planes) / len(planes)
            h = s2 / (P3 + s2) / lost if exact else 1.0
            return (1 - h * lost) / np.sqrt(step.ab_t)

        def drawn(planes, step=step, sg2=sg2, clean=clean):
            kept = np.sqrt((1 - step.ab_s - sg2) / (1 - step.ab_t))
            gain = clean(planes)
            return np.sqrt(step.ab_s) * gain + kept * (1 - np.sqrt(step.ab_t) * gain)

        if step.last:
            gain = clean(planes)
            return gain * response, gain**2 * spread
        p = drawn(planes)
        q = sg2 + 0 * p  # y = p h0 + noise of variance q
        for round in range(rounds):
            a = drawn(turn_planes(planes, round + 1))
            p, q = a * np.sqrt(1 - step.beta) * p, a**2 * ((1 - step.beta) * q + step.beta) + sg2
        response, spread = p * response, p**2 * spread + q
    raise AssertionError


def distance(power):
    """Total variation between spectra, as a share of the variance."""
    return np.abs(power - P3).sum() / P3.sum() / 2


def recipe(steps, schedule="cyclic", periodic=("z", "y", "x"), **options):
    return Recipe(
        steps=steps,
        shape=SHAPE,
        schedule=Choice(schedule),
        harmonizer=Choice("spectral", EXACT | options),
        periodic=periodic,
    )


def last(recipe, denoiser=DENOISER, **given):
    *_, state = sample_steps(recipe, denoiser=denoiser, **given)
    return state.x


@pytest.mark.parametrize("schedule", ["cyclic", "simultaneous"])
@pytest.mark.parametrize("informed", [True, False])
def test_the_spectrum_tends_to_that_of_the_field_as_steps_grow(schedule, informed):
    misses = []
    for steps in (50, 200, 800):
        response, spread = predicted(steps, schedule, informed)
        misses.append(distance(response**2 + spread))
    assert misses[0] < 0.1 and misses[1] < 0.027 and misses[2] < 0.006
    assert misses[0] / misses[1] > 3.4 and misses[1] / misses[2] > 3.4  # as 1 / steps


@pytest.mark.parametrize("schedule", ["cyclic", "simultaneous"])
def test_plain_alternation_stays_as_far_away_with_more_steps(schedule):
    for steps in (50, 200, 800):
        response, spread = predicted(steps, schedule, informed=False, exact=False)
        assert (response**2 + spread).sum() < 0.66 * P3.sum()


@pytest.mark.parametrize("schedule", ["cyclic", "simultaneous"])
def test_the_sampler_does_what_the_recursion_says(schedule):
    steps = 50
    run = recipe(steps, schedule)

    def result(x):
        return last(run, start=(0, x))[0].numpy()

    response, _ = predicted(steps, schedule, informed=False)
    zero = torch.zeros((1, *SHAPE), dtype=torch.float64)
    probe = torch.randn(zero.shape, generator=torch.Generator().manual_seed(1), dtype=zero.dtype)
    got = np.fft.fftn(result(100 * probe) - result(zero)) / 100  # of up to 33
    assert np.allclose(got, response * np.fft.fftn(probe[0].numpy()), atol=3e-3)

    response, spread = predicted(steps, schedule)
    expected = response**2 + spread
    fields = [last(run, sample=n)[0].double().numpy() for n in range(12)]
    power = np.mean([np.abs(np.fft.fftn(field)) ** 2 for field in fields], 0) / zero.numel()
    some = expected > 1e-3 * expected.max()
    some[0, 0, 0] = False  # wave 0 is the mean
    ratio = power[some] / expected[some]
    assert abs(ratio.mean() - 1) < 5 * np.sqrt(2 / 12 / some.sum())
    assert np.mean(fields) == pytest.approx(
        DENOISER.mean()[0], abs=5 * np.sqrt(expected[0, 0, 0] / zero.numel() / 12)
    )


@pytest.mark.slow
def test_rounds_of_renoising_follow_the_recursion_and_leave_its_limit():
    response, spread = predicted(30, rounds=2)
    expected = response**2 + spread
    fields = [last(recipe(30, rounds=2), sample=n)[0].double().numpy() for n in range(12)]
    power = np.mean([np.abs(np.fft.fftn(field)) ** 2 for field in fields], 0) / P3.size
    some = expected > 1e-3 * expected.max()
    some[0, 0, 0] = False  # wave 0 is the mean
    ratio = power[some] / expected[some]
    assert abs(ratio.mean() - 1) < 5 * np.sqrt(2 / 12 / some.sum())
    response, spread = predicted(480, rounds=4)
    assert distance(response**2 + spread) < 0.01


@attrs.define(eq=False)
class Window(Gaussian):
    """The exact slice estimate where slices end: they do not wrap."""

    def clean(self, slices, step, plane):
        values, vectors = zip(
            *(
                np.linalg.eigh(np.exp(-0.5 * (np.subtract.outer(r, r) / self.lengths[axis]) ** 2))
                for axis, r in enumerate(map(np.arange, SHAPE))
                if axis != NORMAL[plane]
            ),
            strict=True,
        )
        u = slices.double().numpy() / np.sqrt(step.ab_t) - self.mean()[0]
        waves = vectors[0].T @ u @ vectors[1]
        power = np.multiply.outer(*values).clip(0)
        waves *= power / (power + (1 - step.ab_t) / step.ab_t)
        field = vectors[0] @ waves @ vectors[1].T + self.mean()[0]
        return torch.as_tensor(field).to(slices.dtype)


def correlation(fields, axis, lag):
    """Of voxels `lag` apart along an axis over all pairs and fields."""
    a = np.moveaxis(fields - DENOISER.mean()[0], axis + 1, 0)
    return (a[lag:] * a[: len(a) - lag]).mean() / (a**2).mean()


@pytest.mark.slow
def test_a_volume_that_is_not_periodic_does_not_wrap():
    denoiser = Window(lengths=LENGTHS, fraction=0.3)
    fields = np.stack(
        [last(recipe(30, periodic=()), denoiser, sample=n)[0].numpy() for n in range(24)]
    )
    for axis, (side, length) in enumerate(zip(SHAPE, LENGTHS, strict=True)):
        faces = correlation(fields, axis, side - 1)
        assert abs(faces) < 0.3
        near = correlation(fields, axis, 1)
        assert near == pytest.approx(np.exp(-0.5 / length**2), abs=0.08)


def test_a_periodic_volume_joins_its_faces():
    fields = np.stack([last(recipe(30), sample=n)[0].numpy() for n in range(24)])
    for axis, (side, length) in enumerate(zip(SHAPE, LENGTHS, strict=True)):
        faces = correlation(fields, axis, side - 1)
        assert faces == pytest.approx(np.exp(-0.5 / length**2), abs=0.15)
