"""Rounds of renoising at the same plane and noise level (Lee & Yun 2023, Eq. 16-17)."""

from torch import Tensor

from recon.core.kinds import Harmonizer
from recon.core.noise import Step, renoise
from recon.core.scene import Clean, Noise


def in_rounds(
    harmonizer: Harmonizer,
    x: Tensor,
    step: Step,
    clean: Clean,
    noise: Noise,
    rounds: int,
    gamma: float,
) -> Tensor:
    """One reverse step of 1 + rounds passes, without rounds at the last.

    gamma  share of the renoised volume in its blend with the volume at the start of the step
    """
    y = harmonizer.draw(x, clean(x), step, noise)
    for round in range(0 if step.last else rounds):
        h = renoise(y, step, noise(2 * round + 1), temperature=harmonizer.temperature)
        blend = gamma * h + (1 - gamma) * x
        y = harmonizer.draw(blend, clean(blend), step, noise, 2 * round + 2)
    return y
