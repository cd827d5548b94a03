"""All planes at every step."""

import attrs
import numpy as np

from recon.core.data.planes import PLANES
from recon.core.kinds import Schedule


@attrs.frozen
class Simultaneous(Schedule):
    """The mean of the three planes' estimates, at three times the cost of a step."""

    name = "simultaneous"

    def planes(self, step: int, steps: int, rng: np.random.Generator) -> tuple[str, ...]:
        return PLANES
