"""Clean estimates of volumes of any shape by the 3D network."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from recon.plugins.denoisers.volume.network import STRIDE, VolumeUNet

HALO = 32
"""Voxels seen beyond a periodic face, and beyond a block of planes."""
BLOCK = 128
"""Planes estimated at a time in deep volumes; up to half as many more are one block."""


class VolumeEstimate:
    """The clean estimate of one noisy volume, in blocks of planes that are made when asked for.

    The blocks depend on the depth of the volume alone, so that the result does not depend on how
    it is read.
    """

    def __init__(self, network: VolumeUNet, u: Tensor, s2: float, periodic: Sequence[bool]) -> None:
        """Of u (C, Z, Y, X), in units of the signal, at a noise-to-signal ratio."""
        self.network, self.s2, self.periodic = network, s2, periodic
        self.u = u
        depth = u.shape[1]
        count = max(1, round(depth / BLOCK))
        self.ends = [depth * n // count // STRIDE * STRIDE for n in range(count)] + [depth]
        self._kept: tuple[int, Tensor] | None = None

    def planes(self, low: int, high: int) -> Tensor:
        """The planes (C, high - low, Y, X) from one place to another (exclusive)."""
        parts = []
        for number, (first, last) in enumerate(zip(self.ends, self.ends[1:], strict=False)):
            if first < high and low < last:
                block = self._block(number)
                parts.append(block[:, max(low - first, 0) : min(high, last) - first])
        return torch.cat(parts, 1)

    def _block(self, number: int) -> Tensor:
        if self._kept is None or self._kept[0] != number:
            self._kept = (number, self._estimate(self.ends[number], self.ends[number + 1]))
        return self._kept[1]

    def _estimate(self, low: int, high: int) -> Tensor:
        """The network's estimate of some planes, which sees what lies around them."""
        x, start = self.u, [0, 0, 0]
        for axis, side in enumerate(self.u.shape[1:]):
            first, last = (low, high) if axis == 0 else (0, side)
            if self.periodic[axis]:
                first, last = first - HALO, last + HALO
                places = torch.arange(first, last, device=x.device) % side
                x = x.index_select(1 + axis, places)
            elif axis == 0:
                first, last = max(first - HALO, 0), min(last + HALO, side)
                x = x[:, first:last]
            start[axis] = (low if axis == 0 else 0) - first
        sides = x.shape[1:]
        missing = [-side % STRIDE for side in sides]
        x = F.pad(x, (0, missing[2], 0, missing[1], 0, missing[0]))[None]
        x = x.to(self.network.last.weight.dtype).contiguous(memory_format=torch.channels_last_3d)
        estimate: Tensor = self.network(x, torch.tensor([self.s2], device=x.device))[0]
        sizes = (high - low, *self.u.shape[2:])
        z, y, x_ = (slice(a, a + n) for a, n in zip(start, sizes, strict=True))
        return estimate[:, z, y, x_].float()
