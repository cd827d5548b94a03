"""From a fitted denoiser of slices and its micrographs to a 3D network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from recon.core.data.encoding import count_channels
from recon.core.data.micrographs import Micrographs
from recon.core.kinds import Denoiser
from recon.core.kinds.denoiser import StepCost
from recon.plugins.denoisers.fitting import checkpoint as checkpoints
from recon.plugins.denoisers.fitting.crops import Crops
from recon.plugins.denoisers.fitting.timing import time_calls
from recon.plugins.denoisers.volume import training
from recon.plugins.denoisers.volume.critics import SMALLEST
from recon.plugins.denoisers.volume.network import STRIDE
from recon.plugins.denoisers.volume.pool import COUNT, MARGIN, compose_pool

SIDE = 56
"""Of the crops, in voxels."""
TIMED = 100
"""Steps of the training of which a few in the middle are timed."""
PASSES = 34
"""Network passes of a volume to begin from."""


@attrs.frozen(eq=False)
class Fit:
    """A 3D network to be trained.

    flipped  planes whose windows may be mirrored
    """

    micrographs: Micrographs
    flipped: frozenset[str]
    steps: int
    seed: int
    device: str

    @property
    def side(self) -> int:
        """Of the crops: what every slice has room for."""
        images = (image for stack in self.micrographs.planes.values() for image in stack)
        shortest: int = min(min(image.shape) for image in images)
        return min(SIDE, shortest) // STRIDE * STRIDE

    @property
    def possible(self) -> bool:
        """Whether slices are large enough for the critics."""
        return self.side >= SMALLEST

    def run(
        self,
        denoiser: Denoiser,
        slices: training.Slices,
        identity: dict[str, Any],
        checkpoint: Path | None,
        report: Callable[[dict[str, Any]], None],
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors of the network, and the record of both parts of the training."""
        side, count = self.side + MARGIN, min(COUNT, self.steps)
        if checkpoints.read_part(checkpoint) == training.PART:
            pool = np.zeros((count, side, side, side), np.uint8)
        else:

            def note(done: int) -> None:
                report({"part": "volumes to begin from", "step": done, "steps": count})

            pool = compose_pool(denoiser, count, side, self.seed, self.device, note)
        loop = self._start(pool, self.steps)
        record = training.run(loop, slices, identity, checkpoint, report)
        return loop.average.state_dict(), record

    def time_steps(self, slices: nn.Module) -> StepCost:
        """What it takes here, measured by a few steps and passes of the 2D network."""
        side = self.side + MARGIN
        pool = np.random.default_rng(0).integers(2, size=(2, side, side, side), dtype=np.uint8)
        loop = self._start(pool, TIMED)
        loop.step = TIMED // 2  # the critics are at work
        each = time_calls(loop.advance)
        phases = len(self.micrographs.phases)
        x = torch.zeros(side, count_channels(phases), side, side, device=self.device)
        one = torch.zeros(1, device=self.device)
        with torch.inference_mode():
            a_pass = time_calls(lambda: slices(x, one, one.long()))
        return StepCost(COUNT * PASSES * a_pass, each)

    def _start(self, pool: NDArray[np.uint8], steps: int) -> training.VolumeTraining:
        crops = Crops(self.micrographs.planes, self.flipped, self.side)
        task = training.Task(pool, crops, len(self.micrographs.phases))
        return training.VolumeTraining(task, steps, self.seed, self.device)
