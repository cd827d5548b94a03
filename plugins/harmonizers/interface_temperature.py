"""Temperature that answers to the interface of the estimate."""

import numpy as np

from recon.core.sampling.slabs.field import Field
from recon.plugins.harmonizers.interface import measure_interface

MEASURED_BELOW = 1.5
"""Noise-to-signal ratio below which the interface tells that of the finished volume."""
LIMITS = (0.4, 1.2)
LEAST = 0.1
"""Of the ratio of the interfaces."""


def adapt_temperature(temperature: float, gain: float, estimate: Field, interface: float) -> float:
    """Lower where the estimate has more interface than expected: (measured / expected)^-gain.

    So the interface area is calibrated during the run, without a trial run before it.
    """
    ratio = measure_interface(estimate) / interface
    adapted = temperature * max(ratio, LEAST) ** -gain
    low, high = LIMITS
    return float(np.clip(adapted, min(low, temperature), max(high, temperature)))
