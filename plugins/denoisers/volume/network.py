"""The 3D U-Net: a clean estimate of a whole noisy volume.

Everything in it is local (convolutions, and norms over the channels of one voxel), so a volume of
any shape gives what a larger one would, but for the surroundings of its faces.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recon.core.data.encoding import count_channels
from recon.plugins.denoisers.volume.convolution import Convolution3d

WIDTHS = (32, 64, 96)
"""Channels by level; the first works on blocks of 2 x 2 x 2 voxels."""
PATCH = 2
STRIDE: int = PATCH * 2 ** (len(WIDTHS) - 1)
"""Sides that the network takes are multiples of it."""
CONDITION = 32
HEAD = 16


class ChannelNorm(nn.Module):
    """Root mean square over the channels of each voxel (Zhang & Sennrich 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.float().square().mean(1, keepdim=True) + 1e-4)
        return x * scale.to(x.dtype) * self.gain[:, None, None, None].to(x.dtype)


class ResidualBlock(nn.Module):
    """Two normalized convolutions; the noise level scales and shifts before the second."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(width)
        self.convolution1 = Convolution3d(width, width)
        self.norm2 = ChannelNorm(width)
        self.modulation = nn.Linear(CONDITION, 2 * width)
        self.convolution2 = Convolution3d(width, width)
        for layer in (self.modulation.weight, self.modulation.bias, self.convolution2.weight):
            nn.init.zeros_(layer)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.convolution1(F.silu(self.norm1(x)))
        scale, shift = self.modulation(condition)[:, :, None, None, None].chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        out: Tensor = x + self.convolution2(F.silu(h))
        return out


class VolumeUNet(nn.Module):
    """Noisy volumes (n, C, Z, Y, X) and their noise-to-signal ratios (n,) to clean estimates.

    Input is in units of the signal: clean volume + sqrt(s2) noise. Sides are multiples of STRIDE.
    The estimate is one possible clean volume rather than their mean, in [-1, 1].
    """

    def __init__(self, phases: int) -> None:
        super().__init__()
        outgoing = count_channels(phases)
        self.embedding = nn.Sequential(
            nn.Linear(1, CONDITION), nn.SiLU(), nn.Linear(CONDITION, CONDITION), nn.SiLU()
        )
        self.stem = nn.Conv3d(outgoing, WIDTHS[0], 2 * PATCH, stride=PATCH, padding=PATCH // 2)
        pairs = list(zip(WIDTHS, WIDTHS[1:], strict=False))
        self.down = nn.ModuleList(nn.Conv3d(a, b, 2, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose3d(b, a, 2, stride=2) for a, b in pairs)
        self.encoder = nn.ModuleList(ResidualBlock(width) for width in WIDTHS)
        self.middle = ResidualBlock(WIDTHS[-1])
        self.decoder = nn.ModuleList(ResidualBlock(width) for width in WIDTHS[:-1])
        self.norm = ChannelNorm(WIDTHS[0])
        self.head = nn.ConvTranspose3d(WIDTHS[0], HEAD, PATCH, stride=PATCH)
        self.last = nn.Conv3d(HEAD + outgoing, outgoing, 3, padding=1)

    def forward(self, u: Tensor, s2: Tensor) -> Tensor:
        x = u / (1 + s2).sqrt().to(u.dtype)[:, None, None, None, None]
        condition = self.embedding((s2.log() / 4).to(u.dtype)[:, None])
        h = self.stem(x)
        skipped = []
        for level, block in enumerate(self.encoder):
            h = block(h, condition)
            if level < len(self.down):
                skipped.append(h)
                h = self.down[level](h)
        h = self.middle(h, condition)
        for level in reversed(range(len(self.up))):
            h = self.up[level](h) + skipped[level]
            h = self.decoder[level](h, condition)
        h = F.silu(self.head(F.silu(self.norm(h))))
        logits: Tensor = self.last(torch.cat([h, x.to(h.dtype)], 1)).float()
        return logits.tanh() if logits.shape[1] == 1 else 2 * logits.softmax(1) - 1
