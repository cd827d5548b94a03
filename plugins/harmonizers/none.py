"""Plain multi-plane denoising."""

import attrs

from recon.core.kinds import Harmonizer
from recon.core.sampling.scene import Clean, Noise, Scene
from recon.core.sampling.slabs.field import Field
from recon.core.sampling.step import Step


@attrs.frozen
class Nothing(Harmonizer):
    """One network pass a step, no harmonizing (Lee & Yun 2023, Figure 4a)."""

    name = "none"
    in_slabs = True

    def advance(
        self,
        x: Field,
        step: Step,
        clean: Clean,
        noise: Noise,
        scene: Scene,
    ) -> Field:
        return self.draw(x, clean(x), step, noise)
