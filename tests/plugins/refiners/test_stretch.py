"""A texture stretched by a factor that changes along an axis."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.core import Recipe, ReconError, sample_steps
from recon.core.sampling.scene import Scene
from recon.plugins.refiners.stretch import Stretch, locate_voxels

factors = st.lists(st.floats(0.2, 5), min_size=1, max_size=4).map(tuple)


def scene(shape):
    return Scene(shape, (False,) * 3, 0.5)


@given(factors, st.integers(2, 60))
@settings(max_examples=50, deadline=None)
def test_places_rise_from_face_to_face_in_steps_of_the_inverse_factor(profile, side):
    places = locate_voxels(profile, side)
    assert (np.diff(places) > 0).all()
    assert places[0] > -0.5 and places[-1] < side - 0.5
    steps = np.gradient(places)
    wanted = np.interp((np.arange(side) + 0.5) / side, np.linspace(0, 1, len(profile)), profile)
    if side > 20:  # a ratio: the whole keeps its length
        ends = steps[1] / steps[-2], wanted[-2] / wanted[1]
        assert ends[0] == pytest.approx(ends[1], rel=0.5)


def test_one_factor_changes_nothing():
    x = torch.randn(2, 7, 5, 6)
    assert torch.allclose(Stretch(profile=(3.0,)).refine(x, scene(x.shape)), x, atol=1e-6)


@pytest.mark.parametrize("axis", "zyx")
def test_layers_are_as_many_times_as_thick(axis):
    """Layers of two thirds of a volume fill half of it where the rest is stretched twice."""
    wave = torch.sign(torch.sin((torch.arange(240) + 0.5) * torch.pi / 6))  # layers of 6
    shape = [1, 2, 2, 2]
    shape[1 + "zyx".index(axis)] = 240
    x = wave.view([240 if n == 240 else 1 for n in shape]).expand(shape)
    result = Stretch(profile=(1.0, 1.0, 2.0, 2.0), axis=axis).refine(x, scene(tuple(shape)))
    line = result.movedim(1 + "zyx".index(axis), 0).flatten(1)[:, 0] > 0
    borders = np.flatnonzero(np.diff(line.numpy()))
    first, last = (np.diff(part).mean() for part in (borders[:8], borders[-6:]))
    assert last / first == pytest.approx(2, rel=0.1)


def test_in_the_sampler():
    recipe = Recipe(
        shape=(32, 12, 12),
        steps=6,
        denoiser={"name": "gaussian", "stretch": [1.5, 1, 1]},
        refiners=[{"name": "stretch", "profile": [1.0, 3.0]}],
    )
    *_, last = sample_steps(recipe)
    labels = last.volume.labels.astype(int)
    changes = (np.diff(labels, axis=0) != 0).mean((1, 2))
    assert last.volume.voxel_size == (1.5, 1, 1)
    assert changes[:10].mean() > 1.3 * changes[-10:].mean()


def test_refused():
    with pytest.raises(ReconError, match="profile must be one factor or more, got none"):
        Stretch(profile=()).check(scene((1, 4, 4, 4)))
    with pytest.raises(ReconError, match="profile must be"):
        Stretch(profile=(0.0,))
