"""The refiner `patterns`: what it asks of the scene, and what it leaves alone."""

import attrs
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, label

from recon.core import Material, Micrographs, ReconError
from recon.core.data.encoding import decode
from recon.core.data.planes import NORMAL, PLANES
from recon.core.sampling.anchors import EncodedAnchor
from recon.core.sampling.scene import Scene
from recon.plugins.refiners.patterns import Patterns

SHAPE = (14, 12, 10)


@pytest.fixture(scope="module")
def statistics():
    """Of slices of a thresholded field."""
    field = gaussian_filter(np.random.default_rng(0).normal(size=(24, 24, 24)), 2, mode="wrap")
    stacks = {plane: list(np.moveaxis(field > 0, NORMAL[plane], 0)) for plane in PLANES}
    return Material.of(Micrographs(stacks)).statistics


@pytest.fixture
def field():
    noise = gaussian_filter(np.random.default_rng(1).normal(size=SHAPE), 1.2)
    return torch.as_tensor(np.sign(noise))[None].float()


def scene(statistics, **given):
    return Scene((1, *SHAPE), (False,) * 3, 1e-4, statistics, "cpu", 3, **given)


def refine(field, scene, **options):
    return decode(Patterns(**options).refine(field, scene)).numpy()


def test_the_volume_takes_the_patterns_and_keeps_its_components(statistics, field):
    after, before = refine(field, scene(statistics)), decode(field).numpy()
    assert not np.array_equal(after, before)
    for phase in range(2):
        assert label(after == phase)[1] == label(before == phase)[1]


def test_fractions_come_to_those_aimed_at(statistics, field):
    before = float(field.gt(0).double().mean())
    aim = before + 0.02
    after = refine(field, scene(statistics, fractions=np.array([1 - aim, aim])))
    assert after.mean() == pytest.approx(aim, abs=2 / field.numel() + 2e-4)
    assert refine(field, scene(statistics)).mean() == pytest.approx(before, abs=2 / field.numel())


def test_nothing_changes_without_patterns_or_tries(statistics, field):
    without = attrs.evolve(statistics, arrays={})
    assert Patterns().refine(field, scene(without)) is field
    assert Patterns().refine(field, scene(None)) is field
    assert Patterns(tries=0).refine(field, scene(statistics)) is field


def test_anchors_stay_as_they_were_measured(statistics, field):
    values = torch.ones((1, *SHAPE[1:]))
    values[0, :4] = -1
    field[:, 5] = values
    after = refine(field, scene(statistics, anchors=(EncodedAnchor(0, 5, values),)))
    assert np.array_equal(after[5], values[0].numpy() > 0)
    assert (after != decode(field).numpy()).any()


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array.astype(float),
        lambda array: array[None],
        lambda array: array[::-1],
        lambda array: array >> 32 << 32,
        lambda array: -array,
        lambda array: array + (10 * 2**9 << 32),
        lambda array: array.repeat(2),
        None,
    ],
    ids=["float", "box", "order", "count", "negative", "code", "twice", "missing"],
)
def test_counts_that_cannot_be_are_refused_before_work_begins(statistics, change):
    arrays = dict(statistics.arrays["refiner.patterns"])
    good = arrays.pop("xz.1")
    if change is not None:
        arrays["xz.1"] = change(good)
    broken = attrs.evolve(statistics, arrays={"refiner.patterns": arrays})
    with pytest.raises(ReconError, match="refiner patterns: xz.1 in the weights must be ascending"):
        Patterns().check(scene(broken))
    Patterns().check(scene(statistics))


def test_of_many_phases_nothing_is_measured():
    labels = np.random.default_rng(0).integers(0, 5, (2, 12, 12))
    assert Patterns.measure_micrographs(Micrographs({"xy": list(labels)})) == {}
