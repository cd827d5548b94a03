"""Steps evenly spaced in the logarithm of the noise."""

import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.core.sampling.noise import build_steps
from recon.core.sampling.step import Step


def space_logarithmically(
    ab: NDArray[np.float64], steps: int, start_noise: float, end_noise: float
) -> list[Step]:
    """The reverse steps evenly spaced in the logarithm of the noise-to-signal ratio s^2.

    start_noise, end_noise  that of the first and the last step, each t the nearest; where there are
                            fewer t between them than steps, the missing ones are its neighbours
    """
    if not 1 <= steps <= len(ab):
        raise ReconError(f"steps must be in [1, {len(ab)}], got {steps}")
    noise = np.log((1 - ab) / ab)
    wanted = np.linspace(np.log(start_noise), np.log(end_noise), steps)
    nearest = np.clip(np.searchsorted(noise, wanted), 0, len(ab) - 1)
    times = nearest.tolist()
    for k in range(steps - 2, -1, -1):  # strictly falling, and none below 0
        times[k] = max(times[k], times[k + 1] + 1)
    for k in range(steps):
        times[k] = min(times[k], len(ab) - 1 - k)
    return build_steps(ab, times)
