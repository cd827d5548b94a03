"""What a schedule, harmonizer or denoiser must keep."""

import attrs
import numpy as np
import torch

from recon.core.data.encoding import channels
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import NORMAL, PLANES
from recon.core.data.statistics import Statistics
from recon.core.kinds import Denoiser, Harmonizer, Schedule
from recon.core.sampling.noise import ALPHA_BAR, respaced
from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs import as_tensor
from recon.core.sampling.slabs.field import Field, Shape
from recon.core.testing.strategies import sample_volume


def check_schedule(schedule: Schedule) -> None:
    for step in range(9):
        chosen = schedule.planes(step, 9, np.random.default_rng([0, step]))
        assert chosen == schedule.planes(step, 9, np.random.default_rng([0, step]))
        assert isinstance(chosen, tuple) and chosen, "planes must be a tuple, not empty"
        assert set(chosen) <= set(PLANES), f"planes must be among {PLANES}, got {chosen}"


def check_harmonizer(harmonizer: Harmonizer) -> None:
    shape = (1, 4, 5, 6)

    def noise(n: int, *, shape: Shape = shape) -> torch.Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(n))

    labels = sample_volume().labels
    stacks = {plane: list(np.moveaxis(labels, NORMAL[plane], 0)) for plane in PLANES}
    steps = respaced(ALPHA_BAR["linear-2e-2"], 4)
    scene = Scene(shape, (False, True, False), steps[0].ab_t, Statistics.of(Micrographs(stacks)))
    x = as_tensor(harmonizer.start(scene, noise))
    assert x.shape == shape and torch.isfinite(x).all()
    for step in steps:
        step = attrs.evolve(step, planes=("xz",))
        x = torch.randn(shape, generator=torch.Generator().manual_seed(9))
        before = x.clone()
        y = as_tensor(harmonizer.advance(x, step, _clamp, noise, scene))
        assert y.shape == x.shape and torch.isfinite(y).all()
        assert torch.equal(x, before), "advance must not change its input"


def _clamp(x: Field, turn: int = 0) -> torch.Tensor:
    return as_tensor(x).clamp(-1, 1)


def check_denoiser(denoiser: Denoiser) -> None:
    if denoiser.needs_weights and denoiser.material is None:
        return
    count = 1 if denoiser.material is None else channels(len(denoiser.material.phases))
    for step in respaced(denoiser.alpha_bar, 3):
        generator = torch.Generator().manual_seed(step.number)
        slices = torch.randn((5, count, 12, 20), generator=generator)
        before = slices.clone()
        whole = denoiser.clean(slices, step, "xz")
        assert whole.shape == slices.shape and torch.isfinite(whole).all()
        assert torch.equal(slices, before), "clean must not change its input"
        parts = [denoiser.clean(slices[i : i + 2], step, "xz") for i in (0, 2, 4)]
        assert torch.equal(torch.cat(parts), whole), "a row must depend on itself only"
