"""Graded volumes: fractions that follow a profile along an axis."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.core import Recipe, ReconError, sample_steps
from recon.plugins.harmonizers.phase_balance import compute_logits, sharpen
from recon.plugins.harmonizers.profile import Profile, balance_profile


@given(
    st.sampled_from("zyx"),
    st.lists(st.floats(0.1, 0.6), min_size=2, max_size=4),
    st.integers(2, 4),
    st.integers(12, 40),
)
@settings(max_examples=30, deadline=None)
def test_windows_have_the_fractions_of_the_profile(axis, values, phases, side):
    channels = 1 if phases == 2 else phases
    shape = [channels, 10, 11, 12]
    shape["zyx".index(axis) + 1] = side
    field = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 0.5
    usual = np.arange(1, phases + 1) / np.arange(1, phases + 1).sum()
    profile = Profile.of(axis, values, usual, side)
    assert np.allclose(profile.fractions.sum(0), 1) and np.allclose(profile.hats.sum(0), 1)
    balanced = balance_profile(field, profile)
    shares = sharpen(compute_logits(balanced)).movedim("zyx".index(axis) + 1, 1)
    along = shares.flatten(2).mean(2).numpy()
    for hat in profile.hats:
        assert np.allclose(along @ hat, profile.fractions @ hat, atol=0.002 * hat.sum())


@pytest.mark.slow
def test_a_volume_follows_its_profile():
    recipe = Recipe(
        shape=(48, 40, 40),
        steps=20,
        weights="porous",
        harmonizer={"name": "spectral", "profile": [0.35, 0.65], "rounds": 0},
        refiners=[{"name": "islands"}, {"name": "patterns"}],
    )
    *_, last = sample_steps(recipe)
    along = (last.volume.labels == 1).mean((1, 2))
    wanted = 0.35 + 0.3 * (np.arange(48) + 0.5) / 48
    window = np.ones(8) / 8  # a feature's size, at every position
    miss = np.convolve(along - wanted, window, "valid")
    assert abs(miss).max() < 0.01


def test_the_profile_may_be_that_of_any_phase():
    profile = Profile.of("y", [0.2, 0.6], np.array([0.5, 0.4, 0.1]), 10, 0)
    assert np.allclose(profile.fractions.sum(0), 1)
    assert np.allclose(profile.fractions[0], np.linspace(0.22, 0.58, 10))
    assert np.allclose(profile.fractions[1], 4 * profile.fractions[2])
    assert profile.field.shape == (3, 1, 10, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile": [0.3]}, "two fractions or more between 0 and 1 along z, got 0.3"),
        ({"profile": [0.3, 1.2]}, r"profile must be .*got 0.3, 1.2"),
        ({"profile": [0.3, 0.4], "profile_phase": 2}, r"must be a label 0..1, got 2"),
        ({"profile": [0.3, 0.4], "fraction": [0.5, 0.5]}, "fraction must be left out"),
        ({"profile": [0.3, 0.4], "profile_axis": "w"}, "profile_axis must be one of z, y, x"),
    ],
)
def test_other_profiles_are_refused(options, message):
    recipe = Recipe(shape=(8, 8, 8), weights="porous")
    with pytest.raises(ReconError, match=message):
        next(sample_steps(with_options(recipe, options)))


def with_options(recipe, options):
    table = recipe.to_table() | {"harmonizer": {"name": "spectral", **options}}
    return Recipe.from_table(table)
