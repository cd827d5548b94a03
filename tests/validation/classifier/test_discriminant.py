import numpy as np
import pytest
from scipy.stats import norm

from recon.validation.classifier.discriminant import (
    Whitening,
    compute_area,
    compute_distance,
    score_blocks,
)


def split(values, blocks=4):
    return np.array_split(values, blocks)


def separate(own, real, blocks=4):
    return compute_area(*score_blocks(split(own, blocks), split(real, blocks)))


def test_normal_populations_a_distance_apart_have_the_area_of_that_distance():
    rng = np.random.default_rng(0)
    own, real = rng.normal(size=(4000, 3)), rng.normal(size=(4000, 3))
    own[:, 1] += 1.5
    area = separate(own, real)
    assert area == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.01)
    assert compute_distance(area, 1e6) == pytest.approx(1.5, abs=0.05)


def test_one_population_is_not_told_however_many_features_there_are():
    """Twenty windows with a hundred features are separable, but not on what was left out."""
    rng = np.random.default_rng(1)
    areas = [separate(rng.normal(size=(20, 100)), rng.normal(size=(20, 100))) for _ in range(60)]
    assert abs(np.mean(areas) - 0.5) < 0.05


def test_windows_of_a_block_are_scored_by_the_other_blocks_alone():
    rng = np.random.default_rng(2)
    own, real = split(rng.normal(size=(40, 5))), split(rng.normal(size=(40, 5)))
    towards = np.concatenate(own[1:]).mean(0) - np.concatenate(real[1:]).mean(0)
    changed = [np.full_like(own[0], 9.0), *own[1:]]
    assert np.allclose(score_blocks(own, real)[0][0], own[0] @ towards)
    assert np.allclose(score_blocks(changed, real)[0][0], changed[0] @ towards)


def test_a_distance_is_odd_about_chance_and_never_infinite():
    assert compute_distance(0.5, 100) == 0
    assert compute_distance(0.2, 100) == pytest.approx(-compute_distance(0.8, 100))
    assert np.isfinite(compute_distance(0.0, 100))
    assert np.isfinite(compute_distance(1.0, 100))
    assert compute_distance(1.0, 10_000) > compute_distance(1.0, 100) > 3


def test_whitened_windows_have_unit_covariance_and_forget_their_fractions():
    rng = np.random.default_rng(3)
    first = rng.uniform(0.3, 0.7, 3000)
    fractions = np.stack([first, 1 - first], 1)
    patterns = np.stack([first**2, first + 0.1 * rng.normal(size=3000), rng.normal(size=3000)], 1)
    whitening = Whitening.of(patterns, fractions)
    white = whitening.whiten(patterns, fractions)
    assert np.abs(white.T @ (first - first.mean())).max() / len(first) < 1e-3
    covariance = np.cov(white.T)
    assert np.allclose(covariance, np.diag(np.diag(covariance)), atol=0.02)
    assert (np.diag(covariance) < 1.01).all()
