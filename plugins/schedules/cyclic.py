"""The paper's schedule."""

import attrs
import numpy as np

from recon.core.kinds import Schedule
from recon.core.planes import PLANES


@attrs.frozen
class Cyclic(Schedule):
    """One plane a step in turn: xy, xz, yz, xy, ... (Lee & Yun 2023, Figure 4a)."""

    name = "cyclic"

    def planes(self, step: int, steps: int, rng: np.random.Generator) -> tuple[str, ...]:
        return (PLANES[step % len(PLANES)],)
