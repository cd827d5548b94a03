"""The kind `harmonizer`."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.kinds.plugin import MaterialPlugin
from recon.core.options import option
from recon.core.sampling.noise import respace, reverse
from recon.core.sampling.step import Step, T

if TYPE_CHECKING:
    from recon.core.sampling.scene import Clean, Noise, Scene
    from recon.core.sampling.slabs.field import Field


@attrs.frozen
class Harmonizer(MaterialPlugin):
    """One reverse step of the volume, and how planes are brought to agree in it.

    `refiners` names those that follow where a recipe names none.
    Where `holds_anchors` is False the clean estimates hold the measured slices of scene.anchors
    already; a harmonizer that sets it to True sees them as the denoiser made them. `in_slabs` says
    that it uses nothing but + - * / and the functions of core.sampling.slabs on fields, which may
    then lie on disk or over processes.
    """

    kind: ClassVar[str] = "harmonizer"
    refiners: ClassVar[tuple[str, ...]] = ()
    holds_anchors: ClassVar[bool] = False
    in_slabs: ClassVar[bool] = False
    variance: str = option(
        "auto",
        "Noise of a reverse step: the paper's beta_t or the posterior's; auto is beta with all "
        "1000 steps and posterior with fewer.",
        choices=("auto", "beta", "posterior"),
    )
    eta: float = option(1.0, "Factor on the posterior noise; 0 is DDIM.", min=0, max=1)
    temperature: float = option(1.0, "Factor on the noise that the sampler injects.", min=0, max=2)

    def draw(
        self,
        x: "Field",
        clean: "Field",
        step: Step,
        noise: "Noise",
        n: int = 0,
        temperature: float | None = None,
    ) -> "Field":
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
            variance=self.choose_variance(step),
            eta=self.eta,
            temperature=self.temperature if temperature is None else temperature,
        )

    def check(self, phases: int) -> None:  # noqa: B027  most have nothing to refuse
        """Refuse options that do not suit a material of so many phases, before work begins."""

    def steps(self, alpha_bar: NDArray[np.float64], steps: int) -> list[Step]:
        """The reverse steps of a reconstruction: evenly spaced in t unless a harmonizer differs."""
        return respace(alpha_bar, steps)

    def prepare(self, scene: "Scene") -> "Scene":
        """The scene with what is computed once a volume: `prepared`, and `fractions` aimed at."""
        return scene

    def start(self, scene: "Scene", noise: "Noise") -> "Field":
        """Draw the volume (C, Z, Y, X) to begin with, at noise level scene.ab_start."""
        return noise(0)

    def choose_variance(self, step: Step) -> str:
        """The variance of a step's noise: "beta" or "posterior"."""
        auto = "beta" if step.steps == T else "posterior"
        return auto if self.variance == "auto" else self.variance

    @abstractmethod
    def advance(
        self,
        x: "Field",
        step: Step,
        clean: "Clean",
        noise: "Noise",
        scene: "Scene",
    ) -> "Field":
        """Draw the volume at level s given the one at level t.

        x       (C, Z, Y, X) at noise level step.ab_t
        clean   its clean estimate by the planes of this step (or by those that follow), at the
                same level t
        noise   the n-th standard normal field of this step, n = 0, 1, 2, ...
        scene   shape, periodic axes and statistics of the material, as `prepare` left it
        """
