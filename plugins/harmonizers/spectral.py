"""Harmonizing by what is known of the volume: its spectrum, phase fractions and interface."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import AXES, turn_planes
from recon.core.errors import ReconError
from recon.core.kinds import Harmonizer
from recon.core.options import option
from recon.core.sampling.noise import compute_injected_variance, compute_reverse_mean
from recon.core.sampling.scene import Clean, Noise, Scene
from recon.core.sampling.slabs import as_tensor, materialize
from recon.core.sampling.slabs.field import Field
from recon.core.sampling.step import Step
from recon.plugins.harmonizers.anchor_conditioning import condition_estimate, condition_statistics
from recon.plugins.harmonizers.blend import Blend, check_blend
from recon.plugins.harmonizers.gaussian_start import draw_gaussian_start
from recon.plugins.harmonizers.interface_temperature import MEASURED_BELOW, adapt_temperature
from recon.plugins.harmonizers.learnt_profile import LearntProfile, measure_profile
from recon.plugins.harmonizers.phase_balance import balance_phases, clamp_estimate
from recon.plugins.harmonizers.prior import Prior, prior_of
from recon.plugins.harmonizers.profile import Profile, balance_profile, check_profile
from recon.plugins.harmonizers.spacing import space_logarithmically
from recon.plugins.harmonizers.target_fractions import check_fractions, draw_fractions

FRACTIONS = 0x6672
"""Sets the random numbers of the fractions apart from others of the same seed."""


@attrs.frozen
class Spectral(Harmonizer):
    """Slice estimates filtered to the spectrum of the volume, with controlled phase fractions.

    A denoiser of slices attenuates coarse waves too much, and waves along the normal of the slice
    too little. For a Gaussian field, the filter H of the residual corrects this exactly. It needs
    only the covariance of the micrographs, extended to three dimensions.

    A step takes one network pass, or 1 + rounds passes while the phases are decided: 148 to 184
    passes in 60 steps without a 3D network. Filter and balance add a few hundredths of a second
    to each pass at 64^3.

    Options give noise levels as noise-to-signal ratio s2 (of variances). Some have the
    half-variance noise as their unit. This is the s2 at which the covariance of a slice determines
    half of its variance. It is 5 to 20, and larger for coarser materials.
    """

    name = "spectral"
    needs_arrays = False
    refiners = ("islands", "patterns")
    in_slabs = True
    holds_anchors = True
    temperature: float = option(
        0.9,
        "Factor on the noise that the sampler injects; lower values remove specks.",
        min=0,
        max=2,
    )
    interface_gain: float = option(
        4.0,
        "Strength of the correction of the amount of interface by the temperature; 0: none.",
        min=0,
        max=10,
    )
    anneal_below: float = option(
        0.25,
        "Noise-to-signal ratio, in units of the half-variance noise, below which the temperature "
        "applies; 0: at every noise level.",
        min=0,
    )
    filter_above: float = option(
        0.25,
        "Noise-to-signal ratio, in units of the half-variance noise, above which the estimate of "
        "the slices is filtered.",
        min=0,
    )
    rounds: int = option(4, "Renoising rounds a step (n_h) while phases are decided.", min=0)
    renoise_range: tuple[float, float] = option(
        (0.15, 0.0),
        "Range of noise-to-signal ratios with rounds; 0 as the second number: the half-variance "
        "noise.",
        min=0,
    )
    informed: bool = option(True, "Start from a Gaussian field with the spectrum of the volume.")
    start_noise: float = option(
        250.0, "Noise-to-signal ratio of the first step, if informed.", min=1e-6
    )
    end_noise: float = option(0.02, "Noise-to-signal ratio of the last step.", min=1e-6)
    h_max: float = option(1.0, "Largest gain of the filter; 0: no limit.", min=0)
    balance: bool = option(True, "Clamp the estimate and control the phase fractions.")
    fraction: tuple[float, ...] | None = option(
        None, "Target phase fractions. Default: those of the micrographs.", min=0, max=1
    )
    profile: tuple[float, ...] = option(
        (), "Fractions of a phase at evenly spaced points along profile_axis, linear between."
    )
    profile_phase: int = option(
        -1, "Label of the phase of the profile; -1 is the last phase.", min=-1
    )
    profile_axis: str = option("z", "Axis of the profile.", choices=("z", "y", "x"))
    graded: bool = option(
        True, "Follow the profile of graded micrographs, unless other fractions are given."
    )
    graded_centre: float = option(
        0.5,
        "Position of the middle of the volume in graded micrographs, as a share of their length.",
        min=0,
        max=1,
    )
    blend: str = option("", "Weights of a second material to blend in.")
    blend_share: tuple[float, ...] = option(
        (0.0, 1.0),
        "Share of the second material at evenly spaced points along blend_axis; one: constant.",
    )
    blend_axis: str = option(
        "z", "Axis along which the share of the second material changes.", choices=("z", "y", "x")
    )
    vary: bool = option(
        True, "Vary phase fractions between samples as between real subvolumes of the same size."
    )
    balance_above: float = option(
        0.3,
        "Noise-to-signal ratio below which the phase fractions are no longer controlled.",
        min=0,
    )
    min_correlation: float = option(
        0.01,
        "Correlations below this value count as 0; the limit is higher for few micrographs.",
        min=0,
        max=0.5,
    )
    min_power: float = option(
        0.01, "Minimum spectral power of the volume; white noise of variance 1 has 1.", min=1e-12
    )

    @classmethod
    def measure_micrographs(cls, micrographs: Micrographs) -> Mapping[str, NDArray[Any]]:
        """The profile of fractions that `recon import` has found."""
        return measure_profile(micrographs)

    def check(self, phases: int) -> None:
        """Refuse fractions of another number of phases, or that do not sum to 1."""
        if self.fraction is not None:
            check_fractions(self.fraction, phases)
        if self.blend:
            check_blend(self.blend, self.blend_axis, self.blend_share, phases)
        if self.profile:
            check_profile(self.profile_axis, self.profile, self.profile_phase, phases)
            if self.fraction is not None or not self.balance:
                raise ReconError(
                    "harmonizer spectral: profile sets the fractions, so fraction must be left "
                    "out and balance be true"
                )

    def steps(self, alpha_bar: NDArray[np.float64], steps: int) -> list[Step]:
        """Evenly spaced in the logarithm of the noise-to-signal ratio.

        The informed start holds all of the second order, so the steps begin where the network
        knows more, and most are spent where the phases are decided.
        """
        start_noise = self.start_noise if self.informed else float("inf")
        highest, lowest = ((1 - ab) / ab for ab in (alpha_bar[-1], alpha_bar[0]))
        return space_logarithmically(
            alpha_bar, steps, float(min(start_noise, highest)), float(max(self.end_noise, lowest))
        )

    def prepare(self, scene: Scene) -> Scene:
        """Spectrum and other priors of this volume, and its phase fractions when balanced."""
        prior = Prior.of(scene, self.min_correlation, self.min_power)
        if self.profile or self.blend:
            self.check_memory(scene)
        if self.blend:
            prior = self.add_blend(scene, prior)
            scene = attrs.evolve(scene, statistics=prior.statistics)
        if self.profile:
            side = scene.shape[1 + AXES.index(self.profile_axis)]
            usual = prior.statistics.fractions
            profile = Profile.of(self.profile_axis, self.profile, usual, side, self.profile_phase)
            prior = attrs.evolve(prior, profile=profile)
        elif self.fraction is not None or not self.balance:
            prior = attrs.evolve(prior, profile=None)
        elif self.graded and not self.blend:
            learnt = LearntProfile.of(scene.statistics.arrays_of(self) if scene.statistics else {})
            if learnt is not None and learnt.suits(scene):
                prior = attrs.evolve(prior, profile=learnt.place(scene, self.graded_centre))
        if prior.profile is not None:
            return attrs.evolve(scene, prepared=prior, fractions=prior.profile.field)
        fractions = self.choose_fractions(scene, prior) if self.balance else None
        return attrs.evolve(scene, prepared=prior, fractions=fractions)

    def check_memory(self, scene: Scene) -> None:
        """ReconError where a graded or blended volume is in slabs or has anchors."""
        if scene.slabs is not None or scene.anchors:
            name = "profile" if self.profile else "blend"
            raise ReconError(
                f"harmonizer spectral: {name} needs the volume in the memory of one process and no "
                "anchors; leave them out, or give more memory="
            )

    def add_blend(self, scene: Scene, prior: Prior) -> Prior:
        """The prior of a volume in which another material has a share."""
        blend = Blend.of(self.blend, self.blend_axis, self.blend_share, scene)
        own = attrs.evolve(scene, statistics=blend.statistics)
        return prior.of_blend(blend, Prior.of(own, self.min_correlation, self.min_power))

    def start(self, scene: Scene, noise: Noise) -> Field:
        return draw_gaussian_start(scene, prior_of(scene), noise) if self.informed else noise(0)

    def advance(self, x: Field, step: Step, clean: Clean, noise: Noise, scene: Scene) -> Field:
        rounds = self.count_rounds(step, scene)
        for round in range(rounds):
            estimate = self.estimate(x, step, clean, scene, round)
            temperature = self.choose_temperature(estimate, step, scene)
            x = self.renoise(x, estimate, step, noise(round + 1), temperature)
        estimate = self.estimate(x, step, clean, scene, rounds)
        temperature = self.choose_temperature(estimate, step, scene)
        return self.draw(x, estimate, step, noise, 0, temperature)

    def estimate(self, x: Field, step: Step, clean: Clean, scene: Scene, round: int) -> Field:
        """Clean estimate of the volume: filtered, balanced, and conditioned on the anchors."""
        prior = prior_of(scene)
        estimate = self.filter_estimate(x, step, clean, prior, round)
        if prior.blend is not None and prior.other is not None:
            other = prior.blend.clean(step, scene)
            second = self.filter_estimate(x, step, other, prior.other, round)
            estimate = prior.blend.blend_estimates(estimate, second)
        if prior.profile is not None and step.s2 >= self.balance_above:
            estimate = balance_profile(as_tensor(estimate), prior.profile)
        elif scene.fractions is not None and step.s2 >= self.balance_above:
            estimate = balance_phases(estimate, scene.fractions)
        elif scene.fractions is not None:
            # Few voxels are open now: to move the fraction, the balance would sow specks.
            estimate = clamp_estimate(estimate)
        return condition_estimate(materialize(estimate), step.s2, scene, prior)

    def filter_estimate(
        self, x: Field, step: Step, clean: Clean, prior: Prior, round: int
    ) -> Field:
        """Clean estimate by one denoiser; that of slices is filtered while the noise is high."""
        if step.volume or step.s2 < self.filter_above * prior.half_variance_noise:
            return clean(x, round)
        u = x / sqrt(step.ab_t)
        gain = prior.spectrum.wiener_gain(step.s2, turn_planes(step.planes, round), self.h_max)
        return u - prior.spectrum.filter(u - clean(x, round), gain)

    def renoise(self, x: Field, estimate: Field, step: Step, z: Field, temperature: float) -> Field:
        """To s and back to t (Eq. 16) in one: the two noises add up to a single one."""
        variance = self.choose_variance(step)
        mean = compute_reverse_mean(x, estimate, step, variance, self.eta)
        sg2 = compute_injected_variance(step, variance, self.eta)
        spread = sqrt((1 - step.beta) * sg2 + step.beta)
        return sqrt(1 - step.beta) * mean + temperature * spread * z

    def count_rounds(self, step: Step, scene: Scene) -> int:
        """Renoising rounds of a step."""
        if step.volume:
            return 0
        low, high = self.renoise_range
        inside = low <= step.s2 < (high or prior_of(scene).half_variance_noise)
        return self.rounds if inside and not step.last else 0

    def choose_temperature(self, estimate: Field, step: Step, scene: Scene) -> float:
        """Factor on the next noise."""
        prior = prior_of(scene)
        if step.volume:
            return 1.0
        if 0 < self.anneal_below * prior.half_variance_noise <= step.s2:
            return 1.0
        if self.interface_gain == 0 or step.last or step.s2 >= MEASURED_BELOW:
            return self.temperature
        return adapt_temperature(self.temperature, self.interface_gain, estimate, prior.interface)

    def choose_fractions(self, scene: Scene, prior: Prior) -> NDArray[np.float64]:
        """Phase fractions (K,) of this volume."""
        if self.fraction is not None:
            return check_fractions(self.fraction, len(prior.statistics.fractions))
        statistics, explained = condition_statistics(scene, prior)
        if not self.vary:
            return statistics.fractions
        rng = np.random.default_rng([scene.seed, FRACTIONS])
        return draw_fractions(statistics, scene.shape[1:], rng, explained)
