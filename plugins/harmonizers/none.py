"""Plain multi-plane denoising."""

import attrs
from torch import Tensor

from recon.core.kinds import Harmonizer
from recon.core.sampling.noise import Step
from recon.core.sampling.scene import Clean, Noise, Scene


@attrs.frozen
class Nothing(Harmonizer):
    """One network pass a step, no harmonizing (Lee & Yun 2023, Figure 4a)."""

    name = "none"
    in_slabs = True

    def advance(
        self,
        x: Tensor,
        step: Step,
        clean: Clean,
        noise: Noise,
        scene: Scene,
    ) -> Tensor:
        return self.draw(x, clean(x), step, noise)
