"""A finished volume is brought to a diffusivity; fractions, components and anchors stay."""

import logging

import attrs
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, label

from recon.core import Material, Micrographs, ReconError, Volume
from recon.core.data.encoding import decode
from recon.core.data.planes import NORMAL, PLANES
from recon.core.sampling.anchors import EncodedAnchor
from recon.core.sampling.scene import Scene
from recon.plugins.properties.diffusivity import Diffusivity
from recon.plugins.refiners.target_diffusivity import TargetDiffusivity

SHAPE = (20, 18, 16)
EDGES = (2.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def statistics():
    """Of slices of a thresholded field."""
    field = gaussian_filter(np.random.default_rng(0).normal(size=(32, 32, 32)), 2, mode="wrap")
    stacks = {plane: list(np.moveaxis(field > 0, NORMAL[plane], 0)) for plane in PLANES}
    return Material.of(Micrographs(stacks)).statistics


@pytest.fixture
def field():
    noise = gaussian_filter(np.random.default_rng(1).normal(size=SHAPE), 2)
    return torch.as_tensor(np.sign(noise))[None].float()


def scene(statistics, **given):
    given = {"voxel_size": EDGES, "phases": ("pore", "solid"), **given}
    return Scene((1, *SHAPE), (False,) * 3, 1e-4, statistics, "cpu", 3, **given)


def measure(field, axis="z", phases=None):
    solver = Diffusivity(phases, axes=(axis,))
    return float(
        solver.solve(Volume(decode(field).numpy(), EDGES, ("pore", "solid")))["relative"][0]
    )


@pytest.mark.parametrize(
    ("factor", "axis", "phases"), [(1.08, "z", None), (0.9, "z", None), (1.05, "y", ("solid",))]
)
def test_the_target_is_met_and_fractions_and_components_stay(
    statistics, field, factor, axis, phases
):
    value = factor * measure(field, axis, phases)
    refiner = TargetDiffusivity(value, axis, phases)
    before, after = decode(field).numpy(), refiner.refine(field, scene(statistics))
    assert measure(after, axis, phases) == pytest.approx(value, rel=refiner.tolerance * 1.01)
    after = decode(after).numpy()
    assert after.mean() == pytest.approx(before.mean(), abs=1e-3)
    for phase in range(2):
        assert label(after == phase)[1] <= label(before == phase)[1]


def test_a_volume_that_meets_the_target_stays(statistics, field):
    refiner = TargetDiffusivity(measure(field))
    assert refiner.refine(field, scene(statistics)) is field


def test_fractions_come_to_those_aimed_at(statistics, field):
    aim = float(field.gt(0).double().mean()) + 0.02
    fractions = np.array([1 - aim, aim])
    refiner = TargetDiffusivity(0.9 * measure(field))
    after = decode(refiner.refine(field, scene(statistics, fractions=fractions))).numpy()
    assert after.mean() == pytest.approx(aim, abs=1e-3)


def test_anchors_stay(statistics, field):
    values = field[:, 5].clone()
    anchored = scene(statistics, anchors=(EncodedAnchor(0, 5, values),))
    after = TargetDiffusivity(1.05 * measure(field)).refine(field, anchored)
    assert np.array_equal(decode(after)[5], decode(field)[5])
    assert (decode(after) != decode(field)).any()


def test_a_target_out_of_reach_is_said_to_be_so(statistics, field, caplog):
    caplog.set_level(logging.INFO)
    first = measure(field)
    after = TargetDiffusivity(0.99, rounds=4).refine(field, scene(statistics))
    assert measure(after) > first
    assert f"{measure(after):.4g} is the nearest to the target 0.99" in caplog.text


def test_without_a_path_nothing_changes(statistics, field, caplog):
    caplog.set_level(logging.INFO)
    field[:, 8] = 1
    assert TargetDiffusivity(0.3).refine(field, scene(statistics)) is field
    assert "no phase percolates" in caplog.text


def test_what_cannot_be_is_refused_before_work_begins(statistics):
    for refiner, given, words in (
        (TargetDiffusivity(), statistics, "value must be a relative diffusivity"),
        (TargetDiffusivity(0.2), None, "needs the patterns of micrographs"),
        (TargetDiffusivity(0.2), attrs.evolve(statistics, arrays={}), "the weights hold none"),
        (TargetDiffusivity(0.2, phases=("air",)), statistics, "air"),
        (TargetDiffusivity(0.2, phases=(1, 1)), statistics, "each once"),
    ):
        with pytest.raises(ReconError, match=words):
            refiner.check(scene(given))
