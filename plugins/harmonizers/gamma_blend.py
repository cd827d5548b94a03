"""The paper's modified harmonized sampling."""

import attrs
from torch import Tensor

from recon.core.kinds import Harmonizer
from recon.core.noise import Step
from recon.core.options import option
from recon.core.scene import Clean, Noise, Scene
from recon.plugins.harmonizers.rounds import in_rounds


@attrs.frozen
class GammaBlend(Harmonizer):
    """Rounds of renoising at the same plane, blended with the unharmonized volume.

    Lee & Yun 2023, Eq. 16-17 and Figure 4b; 1 + rounds network passes a step, 1 at the last.
    """

    name = "gamma-blend"
    rounds: int = option(4, "Harmonizing rounds a step (n_h).", min=0)
    gamma: float = option(0.5, "Share of the renoised volume in the blend.", min=0, max=1)

    def advance(
        self,
        x: Tensor,
        step: Step,
        clean: Clean,
        noise: Noise,
        scene: Scene,
    ) -> Tensor:
        return in_rounds(self, x, step, clean, noise, self.rounds, self.gamma)
