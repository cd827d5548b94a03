"""Network passes of a sampler and the time of what is not network: counted on a small volume."""

import time
from typing import Any, ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from recon.core.kinds import Denoiser
from recon.core.noise import Step
from recon.core.pipeline import reconstruct
from recon.core.recipe import Recipe
from recon.core.statistics import Statistics

SIDE = 24
"""Of the small volume, in voxels."""


@attrs.frozen
class Passes:
    """Passes by plane, each of all slices of a volume.

    seconds  of the sampler beside the network, a voxel, channel and pass
    """

    of: dict[str, int]
    seconds: float

    @property
    def total(self) -> int:
        """Over all planes."""
        return sum(self.of.values())


def count(recipe: Recipe, denoiser: Denoiser) -> Passes:
    """Run the recipe's sampler on a small volume with a model that costs nothing."""
    model = Blank(inner=denoiser)
    small = attrs.evolve(recipe, shape=(SIDE, SIDE, SIDE), anchors=(), samples=1)
    begun = time.perf_counter()
    for state in reconstruct(small, denoiser=model):
        channels = state.x.shape[0]
    took = time.perf_counter() - begun
    per = took / (max(1, sum(model.passes.values())) * SIDE**3 * channels)
    return Passes(dict(model.passes), per)


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

    def fit(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def restore(self, tensors: dict[str, Tensor], device: str) -> None:
        raise NotImplementedError
