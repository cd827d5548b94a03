"""Network passes of a sampler and the time of what is not network: counted on a small volume."""

import time
from collections.abc import Sequence
from itertools import islice
from typing import Any, ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.statistics import Statistics
from recon.core.job import Job
from recon.core.kinds import Denoiser
from recon.core.sampler import sample_steps
from recon.core.sampling.step import Step

SIDE = 16
"""Of the small volume in which passes are counted, in voxels."""
TIMED = 64
"""Side of the one of which steps are timed."""
STEPS = 4
VOLUME = "volume"


@attrs.frozen
class Passes:
    """Passes by plane, each of all slices of a volume, and of a 3D network as VOLUME.

    seconds  of the sampler beside the network, a voxel, channel and pass
    """

    of: dict[str, int]
    seconds: float

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.of.values())


def count_passes(job: Job) -> Passes:
    """Run the job's sampler on a small volume with a model that costs nothing."""
    model = Blank(inner=job.denoiser)
    for _ in sample_steps(_shrink(job, model, SIDE)):
        pass
    return Passes(dict(model.passes), _time_sampler(job))


def _shrink(job: Job, model: "Blank", side: int) -> Job:
    """The same on a cube with another model, no anchors, which would not fit, and no refiners."""
    recipe = attrs.evolve(job.recipe, shape=(side, side, side), anchors=(), samples=1)
    bare = attrs.evolve(job, refiners=(), anchors=(), encoded_anchors=())
    return attrs.evolve(bare, recipe=recipe, denoiser=model)


def _time_sampler(job: Job) -> float:
    """Seconds of a voxel, channel and pass: of the quickest of a few steps."""
    model = Blank(inner=job.denoiser)
    best, done = float("inf"), 0
    states = sample_steps(_shrink(job, model, TIMED))
    begun = time.perf_counter()
    for state in islice(states, STEPS):
        passes = sum(model.passes.values()) - done
        took = time.perf_counter() - begun
        if state.number > 1 or state.steps == 1:  # the first one holds the start
            best = min(best, took / (max(1, passes) * state.x.shape[0] * TIMED**3))
        done += passes
        begun = time.perf_counter()
    states.close()
    return best


@attrs.frozen(eq=False)
class BlankEstimate:
    """A volume taken for its own estimate."""

    x: Tensor

    def planes(self, low: int, high: int) -> Tensor:
        return self.x[:, low:high]


@attrs.define(eq=False)
class Blank(Denoiser):
    """Knows what another one knows, and takes noisy slices for clean."""

    name: ClassVar[str] = "blank"
    inner: Denoiser = attrs.field(kw_only=True)
    passes: dict[str, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.material = self.inner.material

    @property
    def alpha_bar(self) -> NDArray[np.float64]:
        return self.inner.alpha_bar

    @property
    def statistics(self) -> Statistics | None:
        return self.inner.statistics

    def clean(self, slices: Tensor, step: Step, plane: str) -> Tensor:
        self.passes[plane] = self.passes.get(plane, 0) + 1
        return slices.clamp(-1, 1)

    def choose_steps(self, steps: list[Step]) -> list[Step]:
        return self.inner.choose_steps(steps)

    def sees_volume(self, step: Step) -> bool:
        return self.inner.sees_volume(step)

    def clean_volume(self, x: Tensor, step: Step, periodic: Sequence[bool]) -> "BlankEstimate":
        self.passes[VOLUME] = self.passes.get(VOLUME, 0) + 1
        return BlankEstimate(x.float().clamp(-1, 1))

    def fit(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {}

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def restore(self, tensors: dict[str, Tensor], device: str) -> None:
        """There is nothing to take."""
