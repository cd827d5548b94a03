"""Harmonizing by what is known of the volume: its spectrum and its phase fractions."""

from collections.abc import Callable
from math import sqrt

import attrs
import torch
from torch import Tensor

from recon.core.errors import ReconError
from recon.core.kinds import Harmonizer
from recon.core.noise import Step
from recon.core.options import option
from recon.core.scene import Noise, Scene
from recon.core.statistics import Statistics
from recon.plugins.harmonizers.balance import balanced, clamped
from recon.plugins.harmonizers.rounds import in_rounds
from recon.plugins.harmonizers.spectrum import Spectrum


@attrs.frozen
class Spectral(Harmonizer):
    """Slice estimates filtered to what the volume's spectrum demands, with the phases balanced.

    A slice denoiser shrinks coarse waves too much and waves along its normal too little. For a
    Gaussian field the filter H of the residual repairs this exactly; the covariance of the
    micrographs, extended to three dimensions, is all it needs. 1 + rounds network passes a step,
    1 at the last; filter and balance add a few hundredths of a second at 64^3.
    """

    name = "spectral"
    temperature: float = option(
        0.75, "Factor on the noise that the sampler injects; lower removes specks.", min=0, max=2
    )
    rounds: int = option(4, "Renoising rounds a step at the same plane (n_h).", min=0)
    gamma: float = option(1.0, "Share of the renoised volume in the blend.", min=0, max=1)
    informed: bool = option(True, "Start from a Gaussian field of the volume's spectrum.")
    h_max: float = option(1.0, "Largest gain of the filter; 0 leaves it open.", min=0)
    balance: bool = option(True, "Clamp the estimate and hold the phase fractions.")
    decided: float = option(
        0.3, "Noise over signal (variance) below which phases are decided: no balance.", min=0
    )
    cutoff: float = option(
        0.01, "Least correlation that counts; more where micrographs are few.", min=0, max=0.5
    )
    floor: float = option(
        0.01, "Least power of a wave of the volume; white noise of variance 1 has 1.", min=1e-12
    )
    _known: dict[Scene, tuple[Statistics, Spectrum]] = attrs.field(
        factory=dict, init=False, eq=False, repr=False
    )

    def start(self, scene: Scene, noise: Noise) -> Tensor:
        """x_T: sqrt(ab_T) (mean + Gaussian field) + sqrt(1 - ab_T) z, z that of any harmonizer."""
        z = noise(0)
        if not self.informed:
            return z
        statistics, spectrum = self.known(scene)
        field = spectrum.coloured(noise(1, shape=(scene.shape[0], *spectrum.grid)))
        mean = torch.as_tensor(statistics.mean, dtype=z.dtype, device=z.device)
        signal = mean.view(-1, 1, 1, 1) + field
        return sqrt(scene.ab_start) * signal + sqrt(1 - scene.ab_start) * z

    def advance(
        self,
        x: Tensor,
        step: Step,
        clean: Callable[[Tensor], Tensor],
        noise: Noise,
        scene: Scene,
    ) -> Tensor:
        statistics, spectrum = self.known(scene)
        s2 = (1 - step.ab_t) / step.ab_t
        gain = spectrum.gain(s2, step.planes, self.h_max)

        def harmonized(x: Tensor) -> Tensor:
            u = x / sqrt(step.ab_t)
            estimate = u - spectrum.filtered(u - clean(x), gain)
            if not self.balance:
                return estimate
            if s2 < self.decided:
                # Few voxels are open now: to move the fraction, the balance would sow specks.
                return clamped(estimate)
            return balanced(estimate, statistics.fractions)

        return in_rounds(self, x, step, harmonized, noise, self.rounds, self.gamma)

    def known(self, scene: Scene) -> tuple[Statistics, Spectrum]:
        """Statistics of the scene and the spectrum that follows from them, computed once."""
        if scene.statistics is None:
            raise ReconError(
                "harmonizer spectral needs the covariance of the material, and the denoiser knows "
                "none; train it on micrographs, or take harmonizer gamma-blend"
            )
        if scene not in self._known:
            self._known.clear()
            spectrum = Spectrum.of(scene.statistics.covariance, scene, self.cutoff, self.floor)
            self._known[scene] = scene.statistics, spectrum
        return self._known[scene]
