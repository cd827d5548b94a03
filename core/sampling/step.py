"""The steps from noise to volume, of which there are at most T; needs no numpy, so that recipes
and help need none."""

import attrs

T = 1000
"""Levels of a noise schedule."""


@attrs.frozen
class Step:
    """One reverse step from noise level t to s.

    number    0 .. steps - 1, from the noise to the volume
    planes    the planes denoised in this step
    ab_t      alpha_bar before the step;  ab_s  after it, 1 at the last
    volume    whether the clean estimate is of the whole volume, not of the slices of the planes
    """

    number: int
    steps: int
    t: int
    ab_t: float
    ab_s: float
    planes: tuple[str, ...] = ()
    volume: bool = False

    @property
    def last(self) -> bool:
        """Whether the step ends at the clean volume."""
        return self.number == self.steps - 1

    @property
    def s2(self) -> float:
        """Noise-to-signal ratio of the variances before the step."""
        return (1 - self.ab_t) / self.ab_t

    @property
    def beta(self) -> float:
        """beta_t of Eq. 1; of a respaced step 1 - ab_t / ab_s."""
        return 1.0 - self.ab_t / self.ab_s
