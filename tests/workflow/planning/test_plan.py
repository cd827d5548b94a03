"""Costs that can be counted by hand, and how a memory limit splits the volume."""

import attrs
import pytest
import torch

from recon.core import Recipe, ReconError
from recon.core.job import resolve
from recon.core.recipe import Choice
from recon.workflow.planning.passes import count_passes
from recon.workflow.planning.plan import TYPICAL, Memory, Plan, choose_thickness, trace_planes
from recon.workflow.planning.tracing import trace

POROUS = Recipe(weights="porous")


def test_a_product_and_its_memory_are_counted_without_doing_it():
    b = torch.ones(4096, 2048)
    result = trace(lambda a: (a @ b).relu().sum(), (65536, 4096))
    assert result.flop == 2 * 65536 * 4096 * 2048
    expected = 4 * 65536 * (4096 + 2 * 2048)  # a, the product and what relu makes of it
    assert result.peak == pytest.approx(expected, rel=0.01)


def test_the_peak_forgets_what_is_freed():
    def chain(x):
        for _ in range(10):
            x = x + 1
        return x

    assert trace(chain, (1000, 1000)).peak == pytest.approx(3 * 4e6, rel=0.01)


def test_what_does_not_run_without_values_is_unknown():
    assert trace(lambda x: x.numpy().sum(), (4, 4)) is None


@pytest.mark.parametrize(
    ("harmonizer", "steps", "passes"),
    [
        (Choice("none"), 9, 9),
        (Choice("gamma-blend", {"rounds": 3}), 9, 8 * 4 + 1),
        (Choice("spectral", {"rounds": 0}), 12, 12),
        (Choice("spectral"), 60, 156),
    ],
)
def test_passes(harmonizer, steps, passes):
    recipe = attrs.evolve(POROUS, harmonizer=harmonizer, steps=steps)
    result = count_passes(resolve(recipe))
    assert result.total == passes
    assert max(result.of.values()) - min(result.of.values()) <= passes // 3


@pytest.mark.slow
def test_the_arithmetic_grows_with_the_voxels():
    recipes = (attrs.evolve(POROUS, steps=6, shape=(side,) * 3) for side in (32, 64))
    small, large = (Plan.of(resolve(recipe), None) for recipe in recipes)
    assert 8 * small.flop < large.flop < 16 * small.flop  # attention grows faster
    assert large.disk == 64**3 and large.thickness is None and large.scratch == 0
    assert small.seconds > 0


def test_thinner_slabs_as_the_limit_falls():
    recipe = attrs.evolve(POROUS, shape=(512, 512, 512))
    job = resolve(recipe)
    memory = Memory.of(job, trace_planes(job))
    assert memory.choose_thickness(memory.whole) is None
    rows = [memory.choose_thickness(limit) for limit in memory.slabs.values()]
    assert rows == [64, 32, 16, 8]
    assert list(memory.slabs.values()) == sorted(memory.slabs.values(), reverse=True)
    with pytest.raises(ReconError, match="even in thin slabs, got 500MB; give more memory="):
        memory.choose_thickness(500_000_000)


@pytest.mark.slow
def test_planes_with_slices_of_one_shape_are_traced_once(monkeypatch):
    shapes = []

    def count(function, shape):
        shapes.append(shape)
        return trace(function, shape)

    monkeypatch.setattr("recon.workflow.planning.plan.trace", count)
    costs = trace_planes(resolve(attrs.evolve(POROUS, shape=(16, 16, 24))))
    assert shapes == [(16, 1, 16, 24), (24, 1, 16, 16)]
    assert costs["xy"] == costs["xz"] == trace(build_pass("xz"), shapes[0])
    assert costs["yz"].flop != costs["xy"].flop


def build_pass(plane):
    """A pass of the porous network, for slices of a plane."""
    denoiser = resolve(POROUS).denoiser
    return lambda slices: denoiser.clean(slices, TYPICAL, plane)


def test_a_small_volume_is_whole_without_a_question():
    recipe = attrs.evolve(POROUS, shape=(64, 64, 64))
    assert choose_thickness(None, resolve(recipe)) is None


def test_attention_is_counted():
    attend = torch.nn.functional.scaled_dot_product_attention
    result = trace(lambda x: attend(x, x, x), (1, 2, 1024, 16))
    assert result.flop == 2 * (2 * 2 * 1024 * 1024 * 16)
