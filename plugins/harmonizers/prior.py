"""What is known of a volume before it is made, from the micrographs and the anchors."""

import attrs

from recon.core.data.statistics import Statistics
from recon.core.errors import ReconError
from recon.core.sampling.scene import Scene
from recon.plugins.harmonizers.blend import Blend
from recon.plugins.harmonizers.half_variance_noise import find_half_variance_noise
from recon.plugins.harmonizers.interface import expect_interface
from recon.plugins.harmonizers.profile import Profile
from recon.plugins.harmonizers.spectrum import Spectrum


@attrs.frozen(eq=False)
class Prior:
    """Statistics of the material and what follows from them for a volume.

    interface            share of neighbours that differ in phase, mean over the axes
    half_variance_noise  noise-to-signal ratio at which the covariance tells half of a slice
    profile              fractions wanted along an axis; None where they do not change
    blend                another material in the volume, and `other` its prior; then `spectrum` is
                         that of the first, the rest of the volume
    """

    statistics: Statistics
    spectrum: Spectrum
    interface: float
    half_variance_noise: float
    profile: Profile | None = None
    blend: Blend | None = None
    other: "Prior | None" = None

    @classmethod
    def of(cls, scene: Scene, min_correlation: float, min_power: float) -> "Prior":
        """Compute it; ReconError when nothing is known of the material."""
        statistics = scene.statistics
        if statistics is None:
            raise ReconError(
                "harmonizer spectral needs the covariance of the material, and the denoiser knows "
                "none; train it on micrographs, or take harmonizer gamma-blend"
            )
        return cls(
            statistics,
            Spectrum.of(statistics.covariance, scene, min_correlation, min_power),
            max(expect_interface(statistics), 1e-6),
            find_half_variance_noise(statistics),
        )

    def of_blend(self, blend: Blend, other: "Prior") -> "Prior":
        """Of a volume in which another material has shares."""
        share = float(blend.share.mean())
        graded = None
        if not blend.uniform:
            graded = Profile.of_fractions(blend.axis, blend.blend_fractions(self.statistics))
        return attrs.evolve(
            self,
            statistics=blend.blend_statistics(self.statistics),
            interface=(1 - share) * self.interface + share * other.interface,
            half_variance_noise=(1 - share) * self.half_variance_noise
            + share * other.half_variance_noise,
            profile=graded,
            blend=blend,
            other=other,
        )


def prior_of(scene: Scene) -> Prior:
    """The prior of a scene that `Spectral.prepare` has seen."""
    if not isinstance(scene.prepared, Prior):
        raise TypeError("the scene must come from prepare() of harmonizer spectral")
    return scene.prepared
