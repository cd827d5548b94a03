"""A 3D convolution that PyTorch does not leave to its slow loops."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NATIVE_UP_TO = 20480
"""Channels x planes x lines of a single float32 volume up to which PyTorch (2.13,
ATen/native/Convolution.cpp, use_mkldnn) takes its own loops in place of oneDNN's: two to seven
times slower here."""


class Convolution3d(nn.Conv3d):
    """Of kernel 3 and padding 1; small single volumes are convolved as two halves."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__(incoming, outgoing, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if (
            len(x) > 1
            or x.dtype != torch.float32
            or x.device.type != "cpu"
            or x[0, ..., 0].numel() > NATIVE_UP_TO
        ):
            return super().forward(x)
        depth = x.shape[2]
        half = (depth + 1) // 2
        padded = F.pad(x, (0, 0, 0, 0, 1, 1 + depth % 2))
        halves = torch.cat([padded[:, :, : half + 2], padded[:, :, half:]])
        made = F.conv3d(halves, self.weight, self.bias, padding=(0, 1, 1))
        return torch.cat([made[:1], made[1:, :, : depth - half]], 2)
