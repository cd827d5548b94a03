"""Noise schedules and the reverse step, with the paper's symbols.

ab is alpha_bar (Eq. 4), the share of the clean signal's variance that is left at step t; T = 1000.
"""

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.core.sampling.step import Step, T

if TYPE_CHECKING:
    from recon.core.sampling.slabs.field import Field


def _linear(last: float) -> NDArray[np.float64]:
    return np.cumprod(1.0 - np.linspace(1e-4, last, T), dtype=np.float64)


def _cosine() -> NDArray[np.float64]:
    """Nichol & Dhariwal, ICML 2021, Eq. 17."""
    f = np.cos((np.arange(T + 1) / T + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.cumprod(1.0 - np.minimum(1.0 - f[1:] / f[:-1], 0.9))


ALPHA_BAR = {"paper": _linear(1e-2), "linear-2e-2": _linear(2e-2), "cosine": _cosine()}
"""alpha_bar of every t = 0..T-1 by name; 0.006 is left at the end of the paper's."""


def respace(ab: NDArray[np.float64], steps: int) -> list[Step]:
    """The reverse steps of a noise schedule, evenly spaced in t, the first at T - 1."""
    if not 1 <= steps <= len(ab):
        raise ReconError(f"steps must be in [1, {len(ab)}], got {steps}")
    return build_steps(ab, [round(len(ab) * (steps - k) / steps) - 1 for k in range(steps)])


def build_steps(ab: NDArray[np.float64], times: list[int]) -> list[Step]:
    """The reverse steps that start at each of the falling times t, the last at the volume."""
    steps = len(times)
    levels = [float(ab[t]) for t in times] + [1.0]
    return [Step(k, steps, t, levels[k], levels[k + 1]) for k, t in enumerate(times)]


def reverse(
    x: "Field",
    clean: "Field",
    step: Step,
    z: "Field",
    *,
    variance: str,
    eta: float,
    temperature: float,
) -> "Field":
    """Draw x_s given x_t and its clean estimate D (Eq. 5 and 8).

    variance  "posterior": sg^2 = eta^2 (1 - ab_s) / (1 - ab_t) (1 - ab_t / ab_s), DDIM at eta = 0;
              "beta": the paper's, mean of Eq. 8 and noise of variance beta_t
    z         standard normal, scaled by the temperature
    """
    spread = compute_injected_variance(step, variance, eta)
    return compute_reverse_mean(x, clean, step, variance, eta) + temperature * sqrt(spread) * z


def compute_reverse_mean(
    x: "Field", clean: "Field", step: Step, variance: str, eta: float
) -> "Field":
    """Mean of x_s given x_t and its clean estimate."""
    e = (x - sqrt(step.ab_t) * clean) / sqrt(1 - step.ab_t)
    sg2 = compute_injected_variance(step, "posterior", 1.0 if variance == "beta" else eta)
    return sqrt(step.ab_s) * clean + sqrt(max(1 - step.ab_s - sg2, 0.0)) * e


def compute_injected_variance(step: Step, variance: str, eta: float) -> float:
    """Variance of the noise of a reverse step, at temperature 1."""
    if variance == "beta":
        return step.beta
    return eta**2 * (1 - step.ab_s) / (1 - step.ab_t) * (1 - step.ab_t / step.ab_s)


def renoise(y: "Field", step: Step, z: "Field", *, temperature: float) -> "Field":
    """Back from s to t by the forward process (Eq. 16)."""
    return sqrt(1 - step.beta) * y + temperature * sqrt(step.beta) * z
