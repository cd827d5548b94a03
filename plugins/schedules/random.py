"""A random plane at each step."""

import attrs
import numpy as np

from recon.core.data.planes import PLANES
from recon.core.kinds import Schedule


@attrs.frozen
class Random(Schedule):
    """One plane a step, drawn with equal chances."""

    name = "random"

    def planes(self, step: int, steps: int, rng: np.random.Generator) -> tuple[str, ...]:
        return (PLANES[rng.integers(len(PLANES))],)
