"""What a denoiser, schedule, harmonizer or refiner must keep."""

from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from recon.core.data.encoding import count_channels, decode, encode
from recon.core.data.material import check_arrays, measure_arrays
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import NORMAL, PLANES
from recon.core.data.statistics import Statistics
from recon.core.kinds import Denoiser, Harmonizer, Refiner, Schedule
from recon.core.sampling.anchors import EncodedAnchor, impose_anchors, mark_anchors
from recon.core.sampling.noise import ALPHA_BAR, respace
from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs import SlabField, as_tensor, iterate_slabs
from recon.core.sampling.slabs.field import Field, Shape
from recon.core.testing.slabs import InMemory
from recon.core.testing.strategies import sample_volume

SHAPE = (1, 12, 10, 8)


def check_denoiser(denoiser: Denoiser) -> None:
    """Shapes, an untouched input, and rows that depend on themselves only."""
    if denoiser.needs_weights and denoiser.material is None:
        return
    count = 1 if denoiser.material is None else count_channels(len(denoiser.material.phases))
    for step in respace(denoiser.alpha_bar, 3):
        generator = torch.Generator().manual_seed(step.number)
        slices = torch.randn((5, count, 12, 20), generator=generator)
        before = slices.clone()
        whole = denoiser.clean(slices, step, "xz")
        assert whole.shape == slices.shape and torch.isfinite(whole).all()
        assert torch.equal(slices, before), "clean must not change its input"
        parts = [denoiser.clean(slices[i : i + 2], step, "xz") for i in (0, 2, 4)]
        assert torch.equal(torch.cat(parts), whole), "a row must depend on itself only"
        if denoiser.sees_volume(step):
            volume = torch.randn((count, 12, 9, 10), generator=generator)
            made = denoiser.clean_volume(volume, step, (False, True, False))
            whole = made.planes(0, 12)
            assert whole.shape == volume.shape and torch.isfinite(whole).all()
            read = torch.cat([made.planes(low, low + 4) for low in (0, 4, 8)], 1)
            assert torch.equal(read, whole), "planes must be the same however they are read"


def check_schedule(schedule: Schedule) -> None:
    """Known planes at every step, the same for the same random generator."""
    for step in range(9):
        chosen = schedule.planes(step, 9, np.random.default_rng([0, step]))
        assert chosen == schedule.planes(step, 9, np.random.default_rng([0, step]))
        assert isinstance(chosen, tuple) and chosen, "planes must be a tuple, not empty"
        assert set(chosen) <= set(PLANES), f"planes must be among {PLANES}, got {chosen}"


def check_harmonizer(harmonizer: Harmonizer) -> None:
    """A finite start and finite steps that leave their input as it is."""
    shape = (1, 4, 5, 6)

    def noise(n: int, *, shape: Shape = shape) -> Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(n))

    steps = respace(ALPHA_BAR["linear-2e-2"], 4)
    scene = Scene(shape, (False, True, False), steps[0].ab_t, _measure(harmonizer))
    scene = harmonizer.prepare(scene)
    x = as_tensor(harmonizer.start(scene, noise))
    assert x.shape == shape and torch.isfinite(x).all()
    for step in steps:
        step = attrs.evolve(step, planes=("xz",))
        x = torch.randn(shape, generator=torch.Generator().manual_seed(9))
        before = x.clone()
        y = as_tensor(harmonizer.advance(x, step, _clamp, noise, scene))
        assert y.shape == x.shape and torch.isfinite(y).all()
        assert torch.equal(x, before), "advance must not change its input"


def check_refiner(refiner: Refiner) -> None:
    """A finite field of its shape, the same each time and in slabs, in which anchors stay."""
    scene = Scene(SHAPE, (False, True, False), 1e-4, _measure(refiner))
    anchor = EncodedAnchor(0, 5, encode(torch.as_tensor(_sample_labels()[2]), 2))
    held = attrs.evolve(scene, anchors=(anchor,))
    for one in (scene, held):
        refiner.check(one)
        field = impose_anchors(_sample_field(), one.anchors)
        first = as_tensor(refiner.refine(field.clone(), one))
        assert first.shape == field.shape, "the field must keep its shape"
        assert torch.isfinite(first).all(), "the field must stay finite"
        second = refiner.refine(field.clone(), one)
        assert torch.equal(first, as_tensor(second)), "refining twice must give the same"
        fixed = mark_anchors(one.anchors, SHAPE[1:])
        if fixed is not None:
            unchanged = decode(first)[fixed] == decode(field)[fixed]
            assert unchanged.all(), "anchors must stay"
    if refiner.in_slabs:
        field, slabs = _sample_field(), InMemory(5)
        whole = as_tensor(refiner.refine(field.clone(), scene))
        split = SlabField(slabs, SHAPE, lambda low, high: field[:, low:high].clone())
        refined = refiner.refine(split, attrs.evolve(scene, slabs=slabs))
        parts = torch.cat([part for _, part in iterate_slabs(refined)], 1)
        assert torch.equal(parts, whole), "a field in slabs must come out as a tensor does"


def _sample_labels() -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Labels (12, 10, 8) of two phases with some specks."""
    return sample_volume().labels ^ (np.random.default_rng(0).random(SHAPE[1:]) < 0.04)


def _sample_field() -> Tensor:
    """Their field, of a certainty that varies."""
    field = encode(torch.as_tensor(_sample_labels()), 2)
    certainty = torch.rand(field.shape, generator=torch.Generator().manual_seed(0))
    return field * (0.2 + 0.8 * certainty)


def _measure(plugin: Harmonizer | Refiner) -> Statistics:
    """Statistics of a sample, with the arrays of the plugin and of those installed."""
    stacks = {plane: list(np.moveaxis(_sample_labels(), NORMAL[plane], 0)) for plane in PLANES}
    micrographs = Micrographs(stacks)
    arrays = check_arrays(plugin, plugin.measure_micrographs(micrographs))
    known = measure_arrays(micrographs) | {f"{plugin.kind}.{plugin.name}": arrays}
    return Statistics.of(micrographs, arrays=known)


def _clamp(x: Field, turn: int = 0) -> Tensor:
    return as_tensor(x).clamp(-1, 1)
