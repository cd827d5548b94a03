"""The paper's modified harmonized sampling."""

import attrs

from recon.core.kinds import Harmonizer
from recon.core.options import option
from recon.core.sampling.noise import renoise
from recon.core.sampling.scene import Clean, Noise, Scene
from recon.core.sampling.slabs.field import Field
from recon.core.sampling.step import Step


@attrs.frozen
class GammaBlend(Harmonizer):
    """Rounds of renoising on the same plane, blended with the volume before the round.

    The paper's method (Lee & Yun 2023, Eq. 16-17 and Figure 4b). A step takes 1 + rounds network
    passes, the last step takes one.
    """

    name = "gamma-blend"
    in_slabs = True
    rounds: int = option(4, "Harmonizing rounds in a step (n_h).", min=0)
    gamma: float = option(0.5, "Share of the renoised volume in the blend.", min=0, max=1)

    def advance(self, x: Field, step: Step, clean: Clean, noise: Noise, scene: Scene) -> Field:
        y = self.draw(x, clean(x), step, noise)
        for round in range(0 if step.last else self.rounds):
            h = renoise(y, step, noise(2 * round + 1), temperature=self.temperature)
            blend = self.gamma * h + (1 - self.gamma) * x
            y = self.draw(blend, clean(blend), step, noise, 2 * round + 2)
        return y
