"""The sampler against what linear algebra says it must give for a Gaussian field.

For the `gaussian` denoiser every step is linear, and on a grid that the slices' filter wraps
around, diagonal in the 3D Fourier basis. So the response to the start and the spectrum of the
result follow from a scalar recursion for each wave vector, written here a second time.
"""

import attrs
import numpy as np
import pytest
import torch

from recon.core import Recipe, measure_all, sample_steps
from recon.core.data.planes import NORMAL, PLANES
from recon.core.recipe import Choice
from recon.core.sampling.noise import respace
from recon.core.sampling.philox import START, draw_normal
from recon.core.testing import sample_volume
from recon.plugins.denoisers.gaussian import Gaussian

SHAPE = (12, 10, 16)
DENOISER = Gaussian(lengths=(1.5, 2.0, 3.0), fraction=0.3)


def last(recipe, **given):
    *_, state = sample_steps(recipe, denoiser=DENOISER, **given)
    return state


def gains(step):
    """G2_c (Z, Y, X): share of each wave that the estimate keeps, the mean over the planes."""
    s2 = (1 - step.ab_t) / step.ab_t
    total = np.zeros(SHAPE)
    for plane in step.planes:
        sides = [n for axis, n in enumerate(SHAPE) if axis != NORMAL[plane]]
        half = DENOISER.spectrum(tuple(sides), plane)[0]
        full = np.fft.fft2(np.fft.irfft2(half, sides)).real
        total += np.expand_dims(full / (full + s2), NORMAL[plane])
    return total / len(step.planes)


def predicted(recipe, rounds, gamma, variance, eta, tau):
    """Response to the start and variance of every wave of the result, by recursion."""
    response, spread = np.ones(SHAPE), np.zeros(SHAPE)
    steps = respace(DENOISER.alpha_bar, recipe.steps)
    for step in steps:
        planes = PLANES if recipe.schedule.name == "simultaneous" else (PLANES[step.number % 3],)
        g = gains(attrs.evolve(step, planes=planes)) / np.sqrt(step.ab_t)
        if step.last:
            response, spread = g * response, g**2 * spread
            break
        posterior = (1 - step.ab_s) / (1 - step.ab_t) * step.beta
        sg2 = posterior if variance == "beta" else eta**2 * posterior
        direction = np.sqrt((1 - step.ab_s - sg2) / (1 - step.ab_t))
        a = np.sqrt(step.ab_s) * g + direction * (1 - np.sqrt(step.ab_t) * g)
        added = tau**2 * (step.beta if variance == "beta" else sg2)
        p, q = a, added + 0 * a  # y = p h0 + noise of variance q
        for _ in range(rounds):
            kept = gamma * np.sqrt(1 - step.beta)
            p = a * (kept * p + 1 - gamma)
            q = a**2 * (kept**2 * q + gamma**2 * tau**2 * step.beta) + added
        response, spread = p * response, p**2 * spread + q
    return response, spread


CASES = [
    ("none", {}, "cyclic", 7, ()),
    ("none", {"eta": 0.0}, "cyclic", 20, ()),
    ("none", {"eta": 0.6, "temperature": 0.8}, "simultaneous", 9, ()),
    ("none", {"variance": "beta"}, "cyclic", 30, ()),
    ("gamma-blend", {}, "cyclic", 8, ()),
    ("gamma-blend", {"rounds": 2, "gamma": 1.0, "temperature": 0.7}, "simultaneous", 6, ()),
    ("gamma-blend", {"rounds": 3, "gamma": 0.15, "variance": "beta"}, "cyclic", 10, ("z", "x")),
]


@pytest.mark.parametrize(("harmonizer", "options", "schedule", "steps", "periodic"), CASES)
def test_response_and_spectrum_are_those_of_the_recursion(
    harmonizer, options, schedule, steps, periodic
):
    recipe = Recipe(
        steps=steps,
        shape=SHAPE,
        schedule=Choice(schedule),
        harmonizer=Choice(harmonizer, options),
        periodic=periodic,
    )
    settings = (
        {"rounds": 4, "gamma": 0.5} if harmonizer == "gamma-blend" else {"rounds": 0, "gamma": 0}
    )
    settings |= {"variance": "posterior", "eta": 1.0, "temperature": 1.0} | options
    tau = settings.pop("temperature")
    response, spread = predicted(recipe, tau=tau, **settings)

    def result(x):
        return last(recipe, start=(0, x)).x[0].numpy()

    zero = torch.zeros((1, *SHAPE), dtype=torch.float64)
    probe = torch.randn(zero.shape, generator=torch.Generator().manual_seed(1), dtype=zero.dtype)
    got = np.fft.fftn(result(probe) - result(zero))
    assert np.allclose(got, response * np.fft.fftn(probe[0].numpy()), atol=1e-9)

    expected = (response**2 + spread).ravel()[1:]  # wave 0 is the mean
    power = [
        np.abs(np.fft.fftn(last(recipe, sample=n).x[0].double().numpy()).ravel()[1:]) ** 2
        for n in range(8)
    ]
    ratio = (np.mean(power, 0) / zero.numel() / expected)[expected > 1e-6 * expected.max()]
    assert abs(ratio.mean() - 1) < 5 * np.sqrt(2 / 8 / len(ratio))


def test_more_steps_do_not_repair_plane_alternation():
    """A wave along z, y and x at once: alternation loses its power, at 60 and at 500 steps."""
    loses = []
    for steps in (60, 500):
        response, spread = predicted(
            Recipe(steps=steps), rounds=0, gamma=0, variance="posterior", eta=1.0, tau=1.0
        )
        p3 = np.prod(
            np.meshgrid(
                *[
                    np.fft.fft(
                        np.exp(-0.5 * (np.minimum(np.arange(n), n - np.arange(n)) / length) ** 2)
                    ).real
                    for n, length in zip(SHAPE, DENOISER.lengths, strict=True)
                ],
                indexing="ij",
            ),
            axis=0,
        )
        loses.append((response**2 + spread).sum() / p3.sum())
    assert all(share < 0.7 for share in loses)


def test_the_result_depends_on_the_seed_and_not_on_the_chunk():
    recipe = Recipe(steps=5, shape=SHAPE, seed=3)
    reference = last(recipe).x
    assert all(torch.equal(last(recipe, chunk=n).x, reference) for n in (1, 3, 7))
    assert not torch.equal(last(attrs.evolve(recipe, seed=4)).x, reference)
    assert torch.equal(last(attrs.evolve(recipe, seed=1), sample=2).x, reference)


@pytest.mark.parametrize("done", [1, 4])
def test_going_on_from_a_state_gives_the_unbroken_result(done):
    recipe = Recipe(steps=6, shape=SHAPE, schedule=Choice("random"), periodic=("y",))
    states = list(sample_steps(recipe, denoiser=DENOISER))
    assert [state.number for state in states] == [1, 2, 3, 4, 5, 6]
    again = last(recipe, start=(done, states[done - 1].x))
    assert torch.equal(again.x, states[-1].x)


def test_the_start_is_the_stream_of_its_own_and_the_volume_is_decoded():
    recipe = Recipe(steps=1, shape=SHAPE, harmonizer=Choice("none"))
    state = last(recipe)
    x = draw_normal(0, START, 0, (1, *SHAPE))
    step = attrs.evolve(respace(DENOISER.alpha_bar, 1)[0], planes=("xy",))
    expected = DENOISER.clean(x[0][:, None], step, "xy")[:, 0]
    assert torch.allclose(state.x[0], expected)
    assert np.array_equal(state.volume.labels, expected > 0)


def test_a_network_memory_bound_by_chunks():
    """Never more slices at a time than the chunk."""
    seen = []

    @attrs.define(eq=False)
    class Counting(Gaussian):
        """Notes how many slices it is given."""

        def clean(self, slices, step, plane):
            seen.append(len(slices))
            return Gaussian.clean(self, slices, step, plane)

    list(sample_steps(Recipe(steps=3, shape=SHAPE), denoiser=Counting(), chunk=4))
    passes = 2 * SHAPE[0] + 2 * SHAPE[1] + 3 * SHAPE[2]  # four rounds, at the middle step alone
    assert max(seen) == 4 and sum(seen) == passes


def test_measure_names_every_result_even_of_the_same_metric():
    results = measure_all(
        sample_volume(), ["volume-fraction", "two-point", Choice("two-point", {"planes": True})]
    )
    assert list(results) == ["volume-fraction", "two-point", "two-point'"]
    assert results["two-point"].dims == ("phase", "direction", "lag")
    assert results["two-point'"].dims == ("phase", "plane", "lag")
