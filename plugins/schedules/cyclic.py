"""The paper's schedule."""

import attrs
import numpy as np

from recon.core.data.planes import PLANES
from recon.core.errors import ReconError
from recon.core.kinds import Schedule
from recon.core.options import option


@attrs.frozen
class Cyclic(Schedule):
    """One plane a step in turn: xy, xz, yz, xy, ... (Lee & Yun 2023, Figure 4a)."""

    name = "cyclic"
    only: tuple[str, ...] = option(
        PLANES,
        "Planes to go through; a single one makes a stack of independent slices.",
        choices=PLANES,
    )

    def __attrs_post_init__(self) -> None:
        if not self.only:
            raise ReconError("schedule cyclic: only must name at least one plane, got none")

    def planes(self, step: int, steps: int, rng: np.random.Generator) -> tuple[str, ...]:
        return (self.only[step % len(self.only)],)
