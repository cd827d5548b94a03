"""The five kinds of plugins. A plugin class is its own configuration and documentation."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from recon.core.errors import ReconError
from recon.core.data.micrographs import Micrographs
from recon.core.sampling.noise import ALPHA_BAR, Step, T, respaced, reverse
from recon.core.options import option
from recon.core.sampling.scene import Clean, Noise, Scene
from recon.core.data.statistics import Statistics
from recon.core.data.volume import Volume


class Plugin(ABC):
    """What all kinds share: a kind, a name on the command line, and options."""

    kind: ClassVar[str]
    name: ClassVar[str]


@attrs.frozen
class Material:
    """What a fitted denoiser knows of its material beside its parameters."""

    phases: tuple[str, ...]
    voxel_size: tuple[float, float, float]
    statistics: Statistics

    @classmethod
    def of(cls, micrographs: Micrographs) -> "Material":
        """Names, voxel size and statistics of the micrographs."""
        if len(micrographs.phases) < 2:
            raise ReconError("micrographs must show at least two phases, got one")
        return cls(micrographs.phases, micrographs.voxel_size, Statistics.of(micrographs))


@attrs.define(eq=False)
class Denoiser(Plugin):
    """Clean estimate of noisy slices: the 2D model of each plane.

    Options marked `trained` belong to the weights. A subclass implements fit, clean, and
    tensors/restore, which the weights file is made of; `material` is set by fit or when loaded.
    `needs_weights` is False for one that can denoise as it is built;
    `weights_package` is the import package of the weights that are shipped with it, if any.
    `distributed` is True where `fit` shares the work among `core.processes.world()`: every process
    calls it with the same arguments and ends with the same weights.
    """

    kind: ClassVar[str] = "denoiser"
    needs_weights: ClassVar[bool] = True
    weights_package: ClassVar[str | None] = None
    distributed: ClassVar[bool] = False
    noise: str = option(
        "linear-2e-2",
        "Noise schedule; the paper's leaves 0.08 of the signal, too much for a volume.",
        choices=tuple(ALPHA_BAR),
        trained=True,
    )
    material: Material | None = attrs.field(default=None, init=False)

    @property
    def alpha_bar(self) -> NDArray[np.float64]:
        """alpha_bar of t = 0..T-1."""
        return ALPHA_BAR[self.noise]

    @property
    def statistics(self) -> Statistics | None:
        """Those of the field that `clean` estimates; None when nothing is known of it."""
        return None if self.material is None else self.material.statistics

    @abstractmethod
    def fit(
        self,
        micrographs: Micrographs,
        *,
        seed: int = 0,
        device: str = "cpu",
        checkpoint: Path | None = None,
        init: dict[str, Tensor] | None = None,
        report: Callable[[dict[str, Any]], None] = lambda record: None,
    ) -> dict[str, Any]:
        """Learn from micrographs and return what belongs into the provenance.

        checkpoint  file to write the state to from time to time, and to continue from if there
        init        tensors of other weights to start from
        report      called with step, steps, loss and the like while it runs
        """

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The parameters to store."""

    @abstractmethod
    def restore(self, tensors: dict[str, Tensor], device: str) -> None:
        """Take stored parameters; `material` is set already."""

    @abstractmethod
    def clean(self, slices: Tensor, step: Step, plane: str) -> Tensor:
        """Estimate of the clean slices given noisy ones.

        slices   (n, C, a, b) at noise level step.ab_t;  plane  "xy", "xz" or "yz"
        returns  the same shape; row i depends on row i only
        """


@attrs.frozen
class Schedule(Plugin):
    """Which planes are denoised at which step."""

    kind: ClassVar[str] = "schedule"

    @abstractmethod
    def planes(self, step: int, steps: int, rng: np.random.Generator) -> tuple[str, ...]:
        """Planes of step 0..steps-1; the rng is a function of seed and step alone."""


@attrs.frozen
class Harmonizer(Plugin):
    """One reverse step of the volume, and how planes are brought to agree in it.

    Where `holds_anchors` is False the clean estimates hold the measured slices of scene.anchors
    already; a harmonizer that sets it to True sees them as the denoiser made them. `in_slabs` says
    that it uses nothing but + - * / and the functions of core.slabs.field on volumes, so that they
    may lie on disk or over processes.
    """

    kind: ClassVar[str] = "harmonizer"
    holds_anchors: ClassVar[bool] = False
    in_slabs: ClassVar[bool] = False
    variance: str = option(
        "auto",
        "Noise of a reverse step: the paper's beta_t or the posterior's; auto is beta with all "
        "1000 steps and posterior with fewer.",
        choices=("auto", "beta", "posterior"),
    )
    eta: float = option(1.0, "Share of the posterior noise; 0 is DDIM.", min=0, max=1)
    temperature: float = option(1.0, "Factor on the noise that the sampler injects.", min=0, max=2)

    def draw(
        self,
        x: Tensor,
        clean: Tensor,
        step: Step,
        noise: Noise,
        n: int = 0,
        temperature: float | None = None,
    ) -> Tensor:
        """Draw x_s given x_t and its clean estimate (Eq. 5) with the n-th noise of the step.

        temperature  in place of the option
        """
        if step.last:
            return clean
        return reverse(
            x,
            clean,
            step,
            noise(n),
            variance=self.chosen_variance(step),
            eta=self.eta,
            temperature=self.temperature if temperature is None else temperature,
        )

    def check(self, phases: int) -> None:  # noqa: B027  most have nothing to refuse
        """Refuse options that do not suit a material of so many phases, before work begins."""

    def steps(self, alpha_bar: NDArray[np.float64], steps: int) -> list[Step]:
        """The reverse steps of a reconstruction: evenly spaced in t unless a harmonizer differs."""
        return respaced(alpha_bar, steps)

    def start(self, scene: Scene, noise: Noise) -> Tensor:
        """Draw the volume (C, Z, Y, X) to begin with, at noise level scene.ab_start."""
        return noise(0)

    def chosen_variance(self, step: Step) -> str:
        """The variance of a step's noise: "beta" or "posterior"."""
        auto = "beta" if step.steps == T else "posterior"
        return auto if self.variance == "auto" else self.variance

    @abstractmethod
    def advance(
        self,
        x: Tensor,
        step: Step,
        clean: Clean,
        noise: Noise,
        scene: Scene,
    ) -> Tensor:
        """Draw the volume at level s given the one at level t.

        x       (C, Z, Y, X) at noise level step.ab_t
        clean   its clean estimate by the planes of this step (or by those that follow), at the
                same level t
        noise   the n-th standard normal field of this step, n = 0, 1, 2, ...
        scene   shape, periodic axes and statistics of the material
        """


@attrs.frozen
class Metric(Plugin):
    """A spatial statistic.

    Where `chunked` is True, `measure` takes a ChunkedVolume too, to the same numbers (by_parts).
    """

    kind: ClassVar[str] = "metric"
    chunked: ClassVar[bool] = False

    @abstractmethod
    def measure(self, sample: Volume | Micrographs) -> xr.DataArray | xr.Dataset | float:
        """The statistic of a volume or of micrographs."""


@attrs.frozen
class Property(Plugin):
    """An effective physical property."""

    kind: ClassVar[str] = "property"

    @abstractmethod
    def solve(self, volume: Volume) -> xr.Dataset:
        """The property of a volume."""


KINDS: dict[str, type[Plugin]] = {
    kind.kind: kind for kind in (Denoiser, Schedule, Harmonizer, Metric, Property)
}
