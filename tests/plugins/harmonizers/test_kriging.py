"""Conditioning on slices against simple kriging with the dense covariance matrix."""

import numpy as np
import pytest
import torch

from recon.core import Recipe, sample_steps
from recon.core.recipe import Choice
from recon.core.sampling.anchors import EncodedAnchor
from recon.plugins.denoisers.gaussian import Gaussian
from recon.plugins.harmonizers.kriging import expect_fractions, explain_variance, krige
from recon.plugins.harmonizers.spectrum import Spectrum

SHAPE = (8, 6, 10)
LENGTHS = (1.5, 1.0, 2.0)
PLACES = {0: 3, 1: 4, 2: 9}


def ring(side, length):
    """Covariance of a line that wraps."""
    r = np.arange(side)[:, None] + side * np.arange(-4, 5)
    values = np.exp(-0.5 * (r / length) ** 2).sum(1)
    return values / values[0]


def dense(shape, wrapped):
    """Covariance matrix of all voxels, with a little white noise so that it can be inverted."""
    matrix = np.ones((1, 1))
    for side, length in zip(shape, LENGTHS, strict=True):
        lags = np.arange(side)[:, None] - np.arange(side)
        line = ring(side, length)[lags % side] if wrapped else np.exp(-0.5 * (lags / length) ** 2)
        matrix = np.kron(matrix, line)
    return matrix + 0.02 * np.eye(len(matrix))


def spectrum(grid):
    z, y, x = (ring(side, length) for side, length in zip(grid, LENGTHS, strict=True))
    covariance = z[:, None, None] * y[:, None] * x
    covariance[0, 0, 0] += 0.02
    power = torch.as_tensor(np.fft.rfftn(covariance).real[None])
    return Spectrum(grid, SHAPE, power, {})


def pins(axes, values):
    return tuple(
        EncodedAnchor(axis, PLACES[axis], torch.as_tensor(values.take(PLACES[axis], axis)[None]))
        for axis in axes
    )


def kriged(field, axes, values, matrix):
    known = np.zeros(SHAPE, bool)
    for axis in axes:
        np.moveaxis(known, axis, 0)[PLACES[axis]] = True
    a = known.ravel()
    weights = np.linalg.solve(matrix[np.ix_(a, a)], (values - field).ravel()[a])
    return field + (matrix[:, a] @ weights).reshape(SHAPE)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_on_a_periodic_grid_it_is_kriging(axes):
    rng = np.random.default_rng(1)
    values = np.linalg.cholesky(dense(SHAPE, True)) @ rng.standard_normal(np.prod(SHAPE))
    values, field = values.reshape(SHAPE), rng.standard_normal(SHAPE)
    field = 0.1 * np.cumsum(field, 0)
    if len(axes) > 1:  # planes that cross must lack the same there
        field = 0 * field
    known = spectrum(SHAPE)
    told = krige(torch.as_tensor(field[None]), pins(axes, values), known, known.p3)
    got = field + told[0].numpy()
    expected = kriged(field, axes, values, dense(SHAPE, True))
    assert np.abs(got - expected).max() < 0.01 * np.abs(expected).max()
    for axis in axes:
        there = np.abs(got - values).take(PLACES[axis], axis)
        assert there.max() < 0.01 * np.abs(values).max()


def test_a_volume_that_does_not_wrap_is_told_nothing_across_its_faces():
    values = np.linalg.cholesky(dense(SHAPE, False)) @ np.random.default_rng(2).standard_normal(
        np.prod(SHAPE)
    )
    values = values.reshape(SHAPE)
    known = spectrum((16, 12, 20))
    zero = torch.zeros((1, *SHAPE), dtype=torch.float64)
    got = krige(zero, pins((2,), values), known, known.p3)[0].numpy()  # the last slice
    expected = kriged(zero[0].numpy(), (2,), values, dense(SHAPE, False))
    assert np.abs(got[:, :, 0]).max() < 0.02 * np.abs(values).max()
    assert np.sqrt(np.mean((got - expected) ** 2)) < 0.05  # reflection at the faces is no kriging
    assert np.abs(got - values)[:, :, 9].max() < 0.01


def test_fractions_follow_an_anchor_as_far_as_it_tells_of_the_volume():
    full = np.ones(SHAPE)
    known = spectrum((16, 12, 20))
    low, high = (expect_fractions(np.array([-0.4]), pins((0,), v), known) for v in (-full, full))
    assert low.sum() == high.sum() == 1
    assert low[1] < 0.3 - 0.02 and high[1] > 0.3 + 0.05
    none = expect_fractions(np.array([-0.4]), pins((0,), -0.4 * full), known)
    assert none[1] == pytest.approx(0.3)


@pytest.mark.parametrize("axes", [(0,), (2,), (0, 1, 2)])
def test_anchors_explain_what_kriging_explains_of_the_mean(axes):
    matrix, known = dense(SHAPE, True), np.zeros(SHAPE, bool)
    for axis in axes:
        np.moveaxis(known, axis, 0)[PLACES[axis]] = True
    a, with_mean = known.ravel(), matrix.mean(1)
    explained = with_mean[a] @ np.linalg.solve(matrix[np.ix_(a, a)], with_mean[a])
    share = explain_variance(pins(axes, np.zeros(SHAPE)), spectrum(SHAPE))
    assert share == pytest.approx([explained / matrix.mean()], rel=0.02)
    assert 0.1 < share[0] < 1


@pytest.mark.slow
def test_samples_of_a_gaussian_field_have_the_mean_and_scatter_of_kriging(tmp_path):
    labels = np.random.default_rng(3).integers(0, 2, (6, 10)).astype(np.uint8)
    np.save(tmp_path / "a.npy", labels)
    denoiser = Gaussian(lengths=LENGTHS, fraction=0.3)
    linear = {
        "h_max": 0.0, "rounds": 0, "temperature": 1.0, "interface_gain": 0.0, "balance": False,
        "start_noise": 1e9, "end_noise": 1e-6, "min_power": 0.02, "min_correlation": 1e-7,
    }  # fmt: skip
    recipe = Recipe(
        steps=60,
        shape=SHAPE,
        harmonizer=Choice("spectral", linear),
        periodic=("z", "y", "x"),
        anchors=(f"xy:3={tmp_path / 'a.npy'}",),
    )
    fields = []
    for sample in range(12):
        *_, state = sample_steps(recipe, denoiser=denoiser, sample=sample)
        fields.append(state.x[0].double().numpy())
    mean, scatter = np.mean(fields, 0), np.std(fields, 0, ddof=1).mean((1, 2))
    assert np.array_equal(mean[3], 2.0 * labels - 1)

    known = np.zeros(SHAPE, bool)
    known[3] = True
    matrix, a = dense(SHAPE, True), known.ravel()
    left = matrix - matrix[:, a] @ np.linalg.solve(matrix[np.ix_(a, a)], matrix[a])
    free = np.sqrt(np.diag(left).clip(0)).reshape(SHAPE).mean((1, 2))
    there = np.arange(SHAPE[0]) != 3
    assert scatter[there] == pytest.approx(free[there], rel=0.2)

    prior = np.full(SHAPE, denoiser.mean()[0])
    values = prior.copy()
    values[3] = mean[3]
    expected = kriged(prior, (0,), values, matrix)
    error = np.sqrt(np.mean((mean - expected) ** 2, (1, 2)))
    assert (error[there] < 1.5 * free[there] / np.sqrt(12)).all()
    assert error[2] < 0.5 * np.std(expected[2])  # beside the anchor it tells much
