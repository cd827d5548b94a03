"""From a fitted denoiser of slices and its micrographs to a 3D network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from torch import Tensor, nn

from recon.core.data.micrographs import Micrographs
from recon.core.kinds import Denoiser
from recon.plugins.denoisers import checkpoint as checkpoints
from recon.plugins.denoisers.crops import Crops
from recon.plugins.denoisers.volume import training
from recon.plugins.denoisers.volume.critics import SMALLEST
from recon.plugins.denoisers.volume.network import STRIDE
from recon.plugins.denoisers.volume.pool import COUNT, MARGIN, compose_pool

SIDE = 56
"""Of the crops, in voxels."""


@attrs.frozen(eq=False)
class Fit:
    """A 3D network to be trained.

    flipped     planes whose windows may be mirrored
    identity    of the training, for its checkpoint
    """

    micrographs: Micrographs
    flipped: frozenset[str]
    steps: int
    seed: int
    device: str
    identity: dict[str, Any]
    checkpoint: Path | None
    report: Callable[[dict[str, Any]], None]

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
        self, denoiser: Denoiser, slices: nn.Module, record: dict[str, Any]
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors of the network, and the record of both parts of the training.

        slices  the 2D network;  record  of its training: both are read from the checkpoint where
                that is of this part already
        """
        side = self.side + MARGIN
        if checkpoints.read_part(self.checkpoint) == training.PART:
            pool = np.zeros((COUNT, side, side, side), np.uint8)
        else:
            pool = compose_pool(denoiser, side, self.seed, self.device, self._report_pool)
        crops = Crops(self.micrographs.planes, self.flipped, self.side)
        task = training.Task(pool, crops, len(self.micrographs.phases))
        loop = training.VolumeTraining(task, self.steps, self.seed, self.device)
        record = training.run(loop, slices, record, self.identity, self.checkpoint, self.report)
        return loop.average.state_dict(), record

    def _report_pool(self, done: int) -> None:
        self.report({"part": "volumes to begin from", "step": done, "steps": COUNT})
