"""The kind `denoiser`."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.core.kinds.plugin import Plugin
from recon.core.options import option
from recon.core.sampling.noise import ALPHA_BAR

if TYPE_CHECKING:
    from torch import Tensor

    from recon.core.data.material import Material
    from recon.core.data.micrographs import Micrographs
    from recon.core.data.statistics import Statistics
    from recon.core.sampling.step import Step


class VolumeEstimate(Protocol):
    """The clean estimate of one volume."""

    def planes(self, low: int, high: int) -> "Tensor":
        """Its planes (C, high - low, Y, X) along z, the same however it is read."""


@attrs.frozen
class StepCost:
    """Seconds of training.

    before  the first step;  each  step
    """

    before: float
    each: float


@attrs.define(eq=False)
class Denoiser(Plugin):
    """Clean estimate of noisy slices: the 2D model of each plane.

    Options marked `trained` belong to the weights. A subclass implements fit, clean, and
    tensors/restore, which the weights file is made of; `material` is set by fit or when loaded.
    One that can estimate whole volumes at some noise has sees_volume and clean_volume too.
    `needs_weights` is False for one that can denoise as it is built;
    `weights_package` is the import package of the weights that are shipped with it, if any.
    `distributed` is True where `fit` shares the work among `core.sampling.processes.world()`:
    every process calls it with the same arguments and ends with the same weights.
    """

    kind: ClassVar[str] = "denoiser"
    needs_weights: ClassVar[bool] = True
    weights_package: ClassVar[str | None] = None
    distributed: ClassVar[bool] = False
    noise: str = option(
        "linear-2e-2",
        "Noise schedule; the paper's leaves 0.08 of the amplitude, too much for a volume.",
        choices=tuple(ALPHA_BAR),
        trained=True,
    )
    stretch: tuple[float, float, float] = option(
        (1.0, 1.0, 1.0),
        "Stretch of the texture along z, y, x: factors on the edges of the voxels.",
        min=0.01,
        max=100,
    )
    material: "Material | None" = attrs.field(default=None, init=False)

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Of volumes, (z, y, x) in metres; 1.0 times the stretch when nothing is known."""
        known = (1.0, 1.0, 1.0) if self.material is None else self.material.voxel_size
        z, y, x = (edge * factor for edge, factor in zip(known, self.stretch, strict=True))
        return z, y, x

    @property
    def alpha_bar(self) -> NDArray[np.float64]:
        """alpha_bar of t = 0..T-1."""
        return ALPHA_BAR[self.noise]

    @property
    def statistics(self) -> "Statistics | None":
        """Those of the field that `clean` estimates; None when nothing is known of it."""
        return None if self.material is None else self.material.statistics

    @abstractmethod
    def fit(
        self,
        micrographs: "Micrographs",
        *,
        seed: int = 0,
        device: str = "cpu",
        checkpoint: Path | None = None,
        init: "dict[str, Tensor] | None" = None,
        report: Callable[[dict[str, Any]], None] = lambda record: None,
    ) -> dict[str, Any]:
        """Learn from micrographs and return what belongs into the provenance.

        checkpoint  file to write the state to from time to time, and to continue from if there
        init        tensors of other weights to start from
        report      called with step, steps, loss and the like while it runs; `part` names what is
                    trained where that is not the denoiser of slices
        """

    def time_steps(self, micrographs: "Micrographs", device: str) -> dict[str, StepCost]:
        """What `fit` would take here, by the option that counts the steps; empty: not known."""
        return {}

    @abstractmethod
    def tensors(self) -> "dict[str, Tensor]":
        """The parameters to store."""

    @abstractmethod
    def restore(self, tensors: "dict[str, Tensor]", device: str) -> None:
        """Take stored parameters; `material` is set already."""

    @abstractmethod
    def clean(self, slices: "Tensor", step: "Step", plane: str) -> "Tensor":
        """Estimate of the clean slices given noisy ones.

        slices   (n, C, a, b) at noise level step.ab_t;  plane  "xy", "xz" or "yz"
        returns  the same shape; row i depends on row i only
        """

    def choose_steps(self, steps: "list[Step]") -> "list[Step]":
        """Those that it needs of the steps that a harmonizer plans, numbered anew; all."""
        return steps

    def sees_volume(self, step: "Step") -> bool:
        """Whether `clean_volume` estimates whole volumes at the noise of a step."""
        return False

    def clean_volume(
        self, x: "Tensor", step: "Step", periodic: "Sequence[bool]"
    ) -> "VolumeEstimate":
        """Estimate of a clean volume given a noisy one, where `sees_volume` says that it can.

        x         (C, Z, Y, X) at noise level step.ab_t, float32 or bfloat16
        periodic  whether (z, y, x) wrap
        returns   the estimate, of which the sampler reads planes
        """
        raise ReconError(f"denoiser {self.name} sees volumes without clean_volume; tell its author")
