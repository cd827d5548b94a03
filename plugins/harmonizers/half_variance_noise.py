"""Half-variance noise: at which noise the coarse shapes of a material appear."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.optimize import brentq

from recon.core.data.statistics import Statistics

NOISES = (1e-12, 1e6)
"""Between which it is sought, over the power of the strongest wave."""


def find_half_variance_noise(statistics: Statistics) -> float:
    """Noise-to-signal ratio s2 at which a slice's covariance tells half of its variance.

    The error of the Wiener filter, the mean of p s2 / (p + s2) over the waves of power p, is half
    of the mean of p; pooled over the planes and channels. Features of twice the size in pixels
    are resolved under four times the noise, so this is the scale of noise of a material. 0 for one
    without variance.
    """
    powers = [
        power for plane in statistics.covariance.values() for power in map(compute_power, plane)
    ]
    waves = np.concatenate([power.ravel() for power in powers])
    sizes = np.concatenate([np.full(power.size, 1 / power.size) for power in powers])

    strongest = waves.max()
    if strongest == 0:
        return 0.0

    def excess(log_noise: float) -> float:
        s2 = strongest * np.exp(log_noise)
        return float(sizes @ (waves * (s2 / (waves + s2) - 0.5)))

    return float(strongest * np.exp(brentq(excess, *np.log(NOISES), xtol=1e-3)))


def compute_power(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power of the waves of a plane from its covariance about lag 0, faded to its ends.

    Triangular windows keep the powers of a true covariance positive; what is negative is noise.
    """
    windows = (1 - np.abs(np.arange(n) - n // 2) / (n // 2 + 1) for n in covariance.shape)
    faded = covariance * np.multiply.outer(*windows)
    return np.asarray(scipy.fft.fft2(scipy.fft.ifftshift(faded)).real.clip(min=0))
