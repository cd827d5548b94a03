"""Conditional two-dimensional U-Net.

A noisy slice, its noise level and its plane go in; an array of the slice's shape comes out. What
that array means (noise, velocity, phase logits) is the caller's business.

The levels are those of Imagen (Saharia et al. 2022), the family to which the network of Lee & Yun
2023 (Table 1) belongs: a level works at its incoming width on the way down and at its outgoing
width on the way up, and its first block attends to the condition.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recon.plugins.denoisers.architecture import PRESETS, Architecture
from recon.plugins.denoisers.unet_blocks import (
    Attention,
    Condition,
    ConditionEncoder,
    Convolution,
    ResidualBlock,
    Transformer,
    Upsample,
    zeroed,
)

__all__ = ["PRESETS", "Architecture", "UNet"]


class UNet(nn.Module):
    """Conditional two-dimensional U-Net.

    x            (n, C, a, b) noisy slices, any a and b
    noise_level  (n,) or (1,) log-SNR, log(alpha_bar / (1 - alpha_bar)), clamped to +-20
    plane        (n,) or (1,) integers 0..planes-1, or `planes` for the dropped condition
    periodic     which of the axes a, b wrap around; exact when the stride divides the side
    returns      (n, C, a, b); all zero before training

    On the CPU a slice's output has the same bits at every place of a batch of fixed size in
    bfloat16 in the default memory layout, and in float32 on one thread, or two and an even number
    of slices. What breaks it in float32 on more: the remainder of vectorized SiLU at the border of
    two threads' parts (matrix products of few rows would too, one shared condition avoids them);
    in bfloat16, the group normalization of channels_last.
    """

    def __init__(self, architecture: Architecture, *, channels: int, planes: int = 3) -> None:
        super().__init__()
        a = self.architecture = architecture
        widths = [a.width * multiple for multiple in (1, *a.multiples)]
        incoming, outgoing = widths[:-1], widths[1:]
        levels = list(zip(incoming, outgoing, a.attention, strict=True))
        self.condition = ConditionEncoder(a, planes)
        self.first = Convolution(channels * a.patch**2, a.width)
        self.down = nn.ModuleList(
            DownLevel(a, i, o, attends, halve=level < len(levels) - 1)
            for level, (i, o, attends) in enumerate(levels)
        )
        self.middle = Middle(a, widths[-1], a.attention[-1])
        self.up = nn.ModuleList(
            UpLevel(a, i, o, attends, double=level > 0)
            for level, (i, o, attends) in enumerate(levels)
        )
        self.final = ResidualBlock(a, outgoing[0], a.width, attends=False)
        self.last = zeroed(Convolution(a.width, channels * a.patch**2))

    def forward(
        self,
        x: Tensor,
        noise_level: Tensor,
        plane: Tensor,
        periodic: tuple[bool, bool] = (False, False),
    ) -> Tensor:
        a, b = x.shape[-2:]
        x, top = _pad(x, -2, self.architecture.stride, periodic[0])
        x, left = _pad(x, -1, self.architecture.stride, periodic[1])
        c = self.condition(noise_level, plane, periodic)
        h = self.first(F.pixel_unshuffle(x, self.architecture.patch), periodic)
        skips: list[Tensor] = []
        for level in self.down:
            h = level(h, c, skips)
        h = self.middle(h, c)
        for level in reversed(self.up):
            h = level(h, c, skips)
        h = self.last(self.final(h, c), periodic)
        h = F.pixel_shuffle(h, self.architecture.patch)
        return h[..., top : top + a, left : left + b]


class DownLevel(nn.Module):
    """Residual blocks at one resolution, then half of it (not at the last level)."""

    def __init__(
        self, a: Architecture, incoming: int, outgoing: int, attends: bool, halve: bool
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(a, incoming, incoming, attends and i == 0) for i in range(1 + a.blocks)
        )
        self.transformer = Transformer(a, incoming) if attends else None
        size, stride = (4, 2) if halve else (3, 1)
        self.leave = Convolution(incoming, outgoing, size, stride)

    def forward(self, x: Tensor, c: Condition, skips: list[Tensor]) -> Tensor:
        for block in self.blocks:
            x = block(x, c)
            skips.append(x)
        if self.transformer is not None:
            x = skips[-1] = self.transformer(x, c)
        out: Tensor = self.leave(x, c.periodic)
        return out


class Middle(nn.Module):
    """Two blocks at the coarsest resolution, attention between them."""

    def __init__(self, a: Architecture, width: int, attends: bool) -> None:
        super().__init__()
        self.block1 = ResidualBlock(a, width, width, attends)
        self.attention = Attention(a, width, to_pixels=True) if attends else None
        self.block2 = ResidualBlock(a, width, width, attends)

    def forward(self, x: Tensor, c: Condition) -> Tensor:
        x = self.block1(x, c)
        if self.attention is not None:
            x = self.attention(x, c)
        out: Tensor = self.block2(x, c)
        return out


class UpLevel(nn.Module):
    """Residual blocks that take the skips of the level below them, then twice the resolution."""

    def __init__(
        self, a: Architecture, incoming: int, outgoing: int, attends: bool, double: bool
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(a, outgoing + incoming, outgoing, attends and i == 0)
            for i in range(1 + a.blocks)
        )
        self.transformer = Transformer(a, outgoing) if attends else None
        self.leave = Upsample(outgoing, incoming) if double else nn.Identity()

    def forward(self, x: Tensor, c: Condition, skips: list[Tensor]) -> Tensor:
        for block in self.blocks:
            x = block(torch.cat((x, skips.pop()), dim=1), c)
        if self.transformer is not None:
            x = self.transformer(x, c)
        out: Tensor = self.leave(x)
        return out


def _pad(x: Tensor, axis: int, stride: int, periodic: bool) -> tuple[Tensor, int]:
    """Pad one axis on both sides to a multiple of stride, wrapped or mirrored; also the offset."""
    n = x.shape[axis]
    missing = -n % stride
    if missing == 0:
        return x, 0
    before = missing // 2
    i = torch.arange(-before, n + missing - before, device=x.device)
    i = i % n if periodic else torch.minimum(i % (2 * n), (-1 - i) % (2 * n))
    return x.index_select(axis, i), before
