"""Harmonizing by what is known of the volume: its spectrum, phase fractions and interface."""

from math import sqrt

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.patterns import Patterns
from recon.core.data.planes import turned
from recon.core.data.statistics import Statistics
from recon.core.errors import ReconError
from recon.core.kinds import Harmonizer
from recon.core.options import option
from recon.core.sampling.anchors import EncodedAnchor, impose_anchors
from recon.core.sampling.noise import Step, injected, log_spaced, reverse_mean
from recon.core.sampling.scene import Clean, Noise, Scene
from recon.core.sampling.slabs import as_tensor, materialize, mean_by_channel
from recon.core.sampling.slabs.field import Field
from recon.plugins.harmonizers import interface, target
from recon.plugins.harmonizers.balance import balanced, clamped
from recon.plugins.harmonizers.conditioning import correction, expected_fractions, told_share
from recon.plugins.harmonizers.half_variance_noise import half_variance_noise
from recon.plugins.harmonizers.islands import joined
from recon.plugins.harmonizers.patterns import matched
from recon.plugins.harmonizers.seam import joined_to
from recon.plugins.harmonizers.spectrum import Spectrum

STEERED = 1.5
"""Noise-to-signal ratio below which the interface tells that of the finished volume."""
TEMPERATURES = (0.4, 1.2)
OPEN = 0.1
"""Noise-to-signal ratio below which the slices beside an anchor are left as they are."""


@attrs.frozen(eq=False)
class Known:
    """What is known of one volume; fractions (K,) are those that it is to have."""

    statistics: Statistics
    spectrum: Spectrum
    fractions: NDArray[np.float64]
    interface: float
    half_variance_noise: float
    anchors: tuple[EncodedAnchor, ...]
    periodic: tuple[bool, bool, bool]


@attrs.frozen
class Spectral(Harmonizer):
    """Slice estimates filtered to what the volume's spectrum demands, with the phases balanced.

    A slice denoiser shrinks coarse waves too much and waves along its normal too little. For a
    Gaussian field the filter H of the residual repairs this exactly; the covariance of the
    micrographs, extended to three dimensions, is all it needs. A network pass a step, 1 + rounds
    while phases are decided: 150 to 190 in 60 steps; filter and balance add a few hundredths of a
    second to each at 64^3. Noise is told by the noise-to-signal ratio s2 (of variances). Some
    options count in half-variance noises: one is the s2 at which the covariance of a slice tells
    half of its variance, 5 to 20, the more the coarser the material.
    """

    name = "spectral"
    in_slabs = True
    holds_anchors = True
    temperature: float = option(
        0.9, "Factor on the noise that the sampler injects; lower removes specks.", min=0, max=2
    )
    interface_gain: float = option(
        4.0,
        "How strongly the temperature answers to too much or too little interface; 0: not.",
        min=0,
        max=10,
    )
    anneal_below: float = option(
        0.25, "Half-variance noises below which the temperature is not 1; 0: always.", min=0
    )
    filter_above: float = option(
        0.25, "Half-variance noises above which the slices' estimate is filtered.", min=0
    )
    rounds: int = option(4, "Renoising rounds a step (n_h) while phases are decided.", min=0)
    renoise_range: tuple[float, float] = option(
        (0.15, 0.0),
        "Noise-to-signal ratios between which steps have rounds; 0 for the second: the "
        "half-variance noise.",
        min=0,
    )
    informed: bool = option(True, "Start from a Gaussian field of the volume's spectrum.")
    start_noise: float = option(
        250.0, "Noise-to-signal ratio of the first step, when informed.", min=1e-6
    )
    end_noise: float = option(0.02, "Noise-to-signal ratio of the last step.", min=1e-6)
    h_max: float = option(1.0, "Largest gain of the filter; 0 leaves it open.", min=0)
    balance: bool = option(True, "Clamp the estimate and hold the phase fractions.")
    fraction: tuple[float, ...] | None = option(
        None, "Phase fractions to aim at; otherwise those of the micrographs.", min=0, max=1
    )
    vary: bool = option(
        True, "Phase fractions vary between samples as between real pieces of that size."
    )
    balance_above: float = option(
        0.3, "Noise-to-signal ratio below which phases are decided: no balance.", min=0
    )
    islands: float = option(
        0.2,
        "Isolated voxels left at the end, over what independent planes would make; 1 leaves all.",
        min=0,
        max=1,
    )
    patterns: int = option(
        40,
        "Tries a voxel to bring the 3 x 3 patterns of the finished volume to the micrographs'; "
        "0: none.",
        min=0,
        max=10_000,
    )
    min_correlation: float = option(
        0.01, "Least correlation that counts; more where micrographs are few.", min=0, max=0.5
    )
    min_power: float = option(
        0.01, "Least power of a wave of the volume; white noise of variance 1 has 1.", min=1e-12
    )
    _known: dict[Scene, Known] = attrs.field(factory=dict, init=False, eq=False, repr=False)

    def check(self, phases: int) -> None:
        """Refuse fractions of another number of phases, or that do not sum to 1."""
        if self.fraction is not None:
            target.checked(self.fraction, phases)

    def steps(self, alpha_bar: NDArray[np.float64], steps: int) -> list[Step]:
        """Evenly spaced in the logarithm of noise over signal.

        The informed start holds all of the second order, so the steps begin where the network
        knows more, and most are spent where the phases are decided.
        """
        first = self.start_noise if self.informed else float("inf")
        highest, lowest = ((1 - ab) / ab for ab in (alpha_bar[-1], alpha_bar[0]))
        return log_spaced(
            alpha_bar, steps, float(min(first, highest)), float(max(self.end_noise, lowest))
        )

    def start(self, scene: Scene, noise: Noise) -> Field:
        """x_T: sqrt(ab_T) (mean + Gaussian field) + sqrt(1 - ab_T) z, z that of any harmonizer."""
        z = noise(0)
        if not self.informed:
            return z
        known = self.known(scene)
        field = known.spectrum.coloured(noise(1, shape=(scene.shape[0], *known.spectrum.grid)))
        if self.balance:  # the fractions say how large the mean is; the field is not to add to it
            field = field - mean_by_channel(field).to(scene.device)
            mean = 2.0 * known.fractions[-scene.shape[0] :] - 1.0
        else:
            mean = known.statistics.mean
        signal = field + torch.as_tensor(mean, dtype=torch.float32, device=scene.device).view(
            -1, 1, 1, 1
        )
        if scene.anchors:
            signal = signal + correction(
                as_tensor(signal), scene.anchors, known.spectrum, known.spectrum.p3
            )
        return sqrt(scene.ab_start) * signal + sqrt(1 - scene.ab_start) * z

    def advance(self, x: Field, step: Step, clean: Clean, noise: Noise, scene: Scene) -> Field:
        known = self.known(scene)
        variance = self.chosen_variance(step)
        sg2 = injected(step, variance, self.eta)
        rounds = self.rounds_of(step, known)
        blend = x
        for round in range(rounds):
            estimate = self.harmonized(blend, step, clean, known, round)
            # To s and back to t (Eq. 16) in one: the two noises add up to a single one.
            mean = reverse_mean(blend, estimate, step, variance, self.eta)
            spread = sqrt((1 - step.beta) * sg2 + step.beta)
            h = sqrt(1 - step.beta) * mean
            h += self.heat(estimate, step, known) * spread * noise(round + 1)
            blend = h
        estimate = self.harmonized(blend, step, clean, known, rounds)
        if step.last and known.statistics.isolated is not None and self.islands < 1:
            estimate = joined(estimate, self.islands * known.statistics.isolated, scene.periodic)
        if step.last and known.statistics.patterns is not None and self.patterns > 0:
            estimate = self.like_micrographs(estimate, known.statistics.patterns, known, scene)
        heat = self.heat(estimate, step, known)
        return self.draw(blend, estimate, step, noise, 0, heat)

    def like_micrographs(
        self, estimate: Field, patterns: Patterns, known: Known, scene: Scene
    ) -> Field:
        """The finished volume with the small patterns of the micrographs."""
        held = None
        if scene.anchors:
            held = np.zeros(scene.shape[1:], np.bool_)
            for pin in scene.anchors:
                np.moveaxis(held, pin.normal, 0)[pin.place] = True
        aim = known.fractions if self.balance else None
        return matched(estimate, patterns, self.patterns, scene.periodic, scene.seed, held, aim)

    def rounds_of(self, step: Step, known: Known) -> int:
        """Renoising rounds of a step."""
        low, high = self.renoise_range
        between = low <= (1 - step.ab_t) / step.ab_t < (high or known.half_variance_noise)
        return self.rounds if between and not step.last else 0

    def harmonized(self, x: Field, step: Step, clean: Clean, known: Known, round: int) -> Field:
        """Clean estimate of the volume: that of the slices, filtered while noise is high, and
        balanced."""
        s2 = (1 - step.ab_t) / step.ab_t
        if s2 < self.filter_above * known.half_variance_noise:
            estimate = clean(x, round)
        else:
            gain = known.spectrum.gain(s2, turned(step.planes, round), self.h_max)
            u = x / sqrt(step.ab_t)
            estimate = u - known.spectrum.filtered(u - clean(x, round), gain)
        if self.balance and s2 < self.balance_above:
            # Few voxels are open now: to move the fraction, the balance would sow specks.
            estimate = clamped(estimate)
        elif self.balance:
            estimate = balanced(estimate, known.fractions)
        estimate = materialize(estimate)
        return self.anchored(as_tensor(estimate), s2, known) if known.anchors else estimate

    def anchored(self, estimate: Tensor, s2: float, known: Known) -> Tensor:
        """The estimate given the anchors: what x leaves open has the power of a Wiener filter's
        error, and over its correlation length a known slice tells of its neighbourhood."""
        p3 = known.spectrum.p3
        told = correction(estimate, known.anchors, known.spectrum, p3 * s2 / (p3 + s2))
        estimate = estimate + told
        if self.balance:
            estimate = as_tensor(clamped(estimate))
            if s2 >= OPEN:
                along = interface.expected_along(known.statistics)
                estimate = joined_to(estimate, known.anchors, along, known.periodic)
        return impose_anchors(estimate, known.anchors)

    def heat(self, estimate: Field, step: Step, known: Known) -> float:
        """Temperature of the next noise: lower where the estimate has too much interface.

        So the interface area is calibrated during the run, without a trial run before it.
        """
        s2 = (1 - step.ab_t) / step.ab_t
        if 0 < self.anneal_below * known.half_variance_noise <= s2:
            return 1.0
        if self.interface_gain == 0 or step.last or s2 >= STEERED:
            return self.temperature
        ratio = interface.measured(estimate) / known.interface
        low, high = TEMPERATURES
        wanted = self.temperature * max(ratio, 0.1) ** -self.interface_gain
        return float(np.clip(wanted, min(low, self.temperature), max(high, self.temperature)))

    def known(self, scene: Scene) -> Known:
        """Statistics of the scene and what follows from them, computed once."""
        statistics = scene.statistics
        if statistics is None:
            raise ReconError(
                "harmonizer spectral needs the covariance of the material, and the denoiser knows "
                "none; train it on micrographs, or take harmonizer gamma-blend"
            )
        if scene not in self._known:
            self._known.clear()
            spectrum = Spectrum.of(
                statistics.covariance, scene, self.min_correlation, self.min_power
            )
            self._known[scene] = Known(
                statistics,
                spectrum,
                self.wanted(statistics, scene, spectrum),
                max(interface.expected(statistics), 1e-6),
                half_variance_noise(statistics),
                scene.anchors,
                scene.periodic,
            )
        return self._known[scene]

    def wanted(
        self, statistics: Statistics, scene: Scene, spectrum: Spectrum
    ) -> NDArray[np.float64]:
        """Phase fractions (K,) of this volume."""
        if self.fraction is not None:
            return target.checked(self.fraction, len(statistics.fractions))
        told: NDArray[np.float64] | float = 0.0
        if scene.anchors:
            means = expected_fractions(statistics.mean, scene.anchors, spectrum)
            statistics = attrs.evolve(statistics, fractions=means)
            told = told_share(scene.anchors, spectrum)
        if not self.vary:
            return statistics.fractions
        rng = np.random.default_rng([scene.seed, FRACTIONS])
        return target.drawn(statistics, scene.shape[1:], rng, told)


FRACTIONS = 0x6672
"""Sets the random numbers of the fractions apart from others of the same seed."""
