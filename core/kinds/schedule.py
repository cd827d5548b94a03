"""The kind `schedule`."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import attrs

from recon.core.kinds.plugin import Plugin

if TYPE_CHECKING:
    import numpy as np


@attrs.frozen
class Schedule(Plugin):
    """Which planes are denoised at which step."""

    kind: ClassVar[str] = "schedule"

    @abstractmethod
    def planes(self, step: int, steps: int, rng: "np.random.Generator") -> tuple[str, ...]:
        """Planes of step 0..steps-1; the rng is a function of seed and step alone."""
