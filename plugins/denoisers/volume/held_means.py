"""Means of descriptors, held to those of the micrographs while critics teach the network.

Critics leave small errors that all volumes share, such as a tilt, and each pass of the network adds
to them. Each step, the penalty pushes its volume against the error of the mean over the last
volumes. It is the mean that is held, not each volume, so that volumes go on to vary.
"""

import attrs
import torch
from torch import Tensor, nn

from recon.core.data.planes import NORMAL, PLANES
from recon.plugins.denoisers.fitting.crops import Crops
from recon.plugins.denoisers.volume.descriptors import LINES, PAIRS, Descriptor

FOLLOW = 0.02
"""Share that the newest volume has in the mean."""
EVERY = 6
"""Of so many slices one is described in a step."""
RARE = 0.003
"""Least share that an error is relative to."""


@attrs.frozen(eq=False)
class Hold:
    """A descriptor that is held.

    strength  factor on the mean squared error
    relative  whether errors are relative to the largest value over all directions
    """

    descriptor: Descriptor
    strength: float
    relative: bool = False


HOLDS = {
    "pairs": Hold(PAIRS, 400.0),
    "lines": Hold(LINES, 30.0, relative=True),
}


class HeldMeans(nn.Module):
    """What is wanted, and the means over the last volumes, which a checkpoint keeps."""

    def __init__(self, crops: Crops, phases: int) -> None:
        super().__init__()
        for plane in PLANES:
            images, symmetric = crops.slices[plane], plane in crops.flipped
            for name, hold in HOLDS.items():
                target = hold.descriptor.measure(images, phases, symmetric)
                self.register_buffer(f"{name}_{plane}_target", target)
                self.register_buffer(f"{name}_{plane}_mean", target.clone())

    def update(self, made: Tensor, step: int) -> Tensor:
        """Take a volume (1, C, Z, Y, X) into the means; the penalty on it."""
        penalty = torch.zeros((), device=made.device)
        for plane in PLANES:
            slices = made[0].movedim(1 + NORMAL[plane], 0)[step % EVERY :: EVERY]
            for name, hold in HOLDS.items():
                target = self.get_buffer(f"{name}_{plane}_target")
                mean = self.get_buffer(f"{name}_{plane}_mean")
                values = hold.descriptor.compute(slices)
                mean += FOLLOW * (values.detach() - mean)
                scale = target.amax(1, keepdim=True).clamp(min=RARE) if hold.relative else 1.0
                error = (mean - target) / scale
                change = 2 * error * (values - values.detach()) / scale
                penalty = penalty + hold.strength * (error.square() + change).mean()
        return penalty
