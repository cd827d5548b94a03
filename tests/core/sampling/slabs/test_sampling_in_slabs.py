"""A volume sampled in slabs on disk is that sampled in memory, bit for bit."""

import attrs
import numpy as np
import pytest
import torch

from recon.core import Recipe, ReconError, catalog, sample_steps
from recon.core.estimate import estimate
from recon.core.job import resolve
from recon.core.recipe import Choice
from recon.core.sampling.processes import Processes
from recon.core.sampling.slabs import SlabField, iterate_slabs
from recon.core.sampling.step import Step
from recon.workflow.executors import unfinished as saved
from recon.workflow.executors.on_disk import OnDisk

SMALL = Recipe(shape=(10, 16, 12), steps=4)
CASES = {
    "two phases": attrs.evolve(SMALL, weights="porous"),
    "three phases": attrs.evolve(SMALL, weights="electrode", steps=4),
    "periodic": attrs.evolve(SMALL, weights="fibres", steps=4, periodic=("z", "x")),
    "one slice less than a chunk": attrs.evolve(SMALL, weights="porous", shape=(9, 8, 11)),
    "gamma-blend": attrs.evolve(SMALL, weights="porous", harmonizer=Choice("gamma-blend")),
    "no filter below a noise": attrs.evolve(
        SMALL,
        weights="electrode",
        harmonizer=Choice("spectral", {"filter_above": 0.25, "renoise_range": (0.15, 0.0)}),
    ),
    "simultaneous": attrs.evolve(
        SMALL,
        weights="porous",
        steps=3,
        harmonizer=Choice("none"),
        schedule=Choice("simultaneous"),
    ),
    "closed form": attrs.evolve(
        SMALL, denoiser=Choice("gaussian"), harmonizer=Choice("spectral", {"rounds": 2})
    ),
}


def last(recipe, **given):
    """The last state; the ones before are let go."""
    for state in sample_steps(recipe, **given):  # noqa: B007
        pass
    return state


def values(field):
    return torch.cat([part for _, part in iterate_slabs(field)], 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_volume_is_the_same(tmp_path, name):
    recipe = CASES[name]
    denoiser = resolve(recipe).denoiser
    whole = last(recipe, denoiser=denoiser)
    split = last(recipe, denoiser=denoiser, slabs=OnDisk(tmp_path, 8))
    assert isinstance(split.x, SlabField)
    assert torch.equal(values(split.x), whole.x)
    assert (split.volume.labels == whole.volume.labels).all()
    assert split.volume.phases == whole.volume.phases
    del split
    assert len(list(tmp_path.iterdir())) == 0


@pytest.mark.slow
def test_a_sample_goes_on_in_slabs_of_another_thickness(tmp_path):
    recipe = attrs.evolve(SMALL, weights="porous", steps=4)
    denoiser = resolve(recipe).denoiser
    states = sample_steps(recipe, denoiser=denoiser, slabs=OnDisk(tmp_path / "a", 8))
    state = next(states)
    state = next(states)
    saved.save(tmp_path / "kept", 1, state.x, Processes())
    saved.save(tmp_path / "kept", 2, state.x, Processes())
    assert len(list((tmp_path / "kept").glob("*.zarr"))) == 1
    states.close()
    slabs = OnDisk(tmp_path / "b", 5)
    start = saved.load(tmp_path / "kept", slabs, "cpu")
    assert start[0] == 2
    split = last(recipe, denoiser=denoiser, start=start, slabs=slabs)
    whole = last(recipe, denoiser=denoiser)
    assert split.number == 4 and torch.equal(values(split.x), whole.x)


def test_nothing_kept_is_a_new_beginning_and_damage_is_told(tmp_path):
    slabs = OnDisk(tmp_path / "a", 4)
    assert saved.load(tmp_path, slabs, "cpu") is None
    field = SlabField(slabs, (1, 5, 4, 4), lambda low, high: torch.ones(1, high - low, 4, 4))
    saved.save(tmp_path / "kept", 3, field, Processes())
    (array,) = (tmp_path / "kept").glob("*.zarr")
    next(path for path in (array / "c").rglob("*") if path.is_file()).unlink()
    with pytest.raises(ReconError, match="planes are missing; remove it to start over"):
        saved.load(tmp_path / "kept", slabs, "cpu")
    (tmp_path / "kept" / saved.NOTE).write_text("{")
    with pytest.raises(ReconError, match="is damaged"):
        saved.load(tmp_path / "kept", slabs, "cpu")


def test_a_plane_is_estimated_from_whole_slices(tmp_path):
    """With an estimate that looks at the whole slice, slabs along its normal give the same."""
    recipe = Recipe(denoiser=Choice("gaussian"))
    denoiser = resolve(recipe).denoiser
    x = torch.randn(1, 8, 10, 12, generator=torch.Generator().manual_seed(0))
    field = SlabField(OnDisk(tmp_path, 3), (1, 8, 10, 12), lambda low, high: x[:, low:high])
    for planes in (("xy",), ("xz",), ("yz",), ("xy", "xz", "yz")):
        step = Step(0, 4, 600, 0.3, 0.4, planes)
        for wrap in ((0, 0, 0), (3, 4, 5)):
            whole = estimate(denoiser, step, wrap, 64, x)
            split = estimate(denoiser, step, wrap, 64, field)
            assert torch.allclose(values(split), whole, atol=1e-6)


def test_anchors_need_the_volume_in_memory(tmp_path):
    np.save(tmp_path / "slice.npy", np.zeros(SMALL.shape[1:], np.uint8))
    recipe = attrs.evolve(SMALL, weights="porous", anchors=(f"xy:3={tmp_path / 'slice.npy'}",))
    with pytest.raises(ReconError, match="anchors need the volume in the memory of one process"):
        next(sample_steps(recipe, slabs=OnDisk(tmp_path, 8)))


def test_a_harmonizer_that_does_not_say_so_is_not_given_slabs(tmp_path, monkeypatch):
    recipe = attrs.evolve(SMALL, weights="porous", harmonizer=Choice("none"))
    monkeypatch.setattr(catalog().entry("harmonizer", "none").cls, "in_slabs", False)
    with pytest.raises(ReconError, match="harmonizer none needs the volume in the memory of one"):
        next(sample_steps(recipe, slabs=OnDisk(tmp_path, 8)))
    assert next(sample_steps(recipe)).number == 1
