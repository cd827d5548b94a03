"""Standard normal noise as a function of seed, step, number of the field, channel and voxel.

Philox4x32-10 (Salmon et al., SC'11) in int64 arithmetic, the same code on every device, then
Box-Muller. Any part of a volume can be drawn by itself, so neither resuming nor the way the
work is split changes a value.
"""

import math

import torch
from torch import Tensor

MASK = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
START = 1 << 20
"""Number of the step that stands for the start x_T."""


def draw_normal(
    seed: int,
    step: int,
    n: int,
    shape: tuple[int, int, int, int],
    *,
    origin: tuple[int, int, int] = (0, 0, 0),
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Independent N(0, 1) for the voxels of a box of the nth field of noise of a step.

    shape    (C, Z, Y, X) of the box;  origin  its first voxel (z, y, x)
    returns  (C, Z, Y, X) of the dtype; a voxel's value does not depend on shape or origin
    cost     some 10 integer operations a voxel and round of the cipher
    """
    channels, depth, height, width = shape
    z0, y0, x0 = origin
    # One block of the cipher gives four voxels that follow each other along x.
    first, last = x0 // 4, (x0 + width - 1) // 4
    c = torch.arange(channels, device=device).view(-1, 1, 1, 1)
    z = torch.arange(z0, z0 + depth, device=device).view(1, -1, 1, 1)
    y = torch.arange(y0, y0 + height, device=device).view(1, 1, -1, 1)
    x = torch.arange(first, last + 1, device=device).view(1, 1, 1, -1)
    blocks = (channels, depth, height, last - first + 1)
    counter = [
        (z << 16 | y).expand(blocks),
        (c << 16 | x).expand(blocks),
        torch.full(blocks, step, dtype=torch.int64, device=device),
        torch.full(blocks, n, dtype=torch.int64, device=device),
    ]
    words = _philox(counter, (seed & MASK, seed >> 32 & MASK))
    values = torch.stack(_box_muller(words[0], words[1]) + _box_muller(words[2], words[3]), -1)
    line = values.view(channels, depth, height, -1)
    return line[..., x0 - 4 * first : x0 - 4 * first + width].to(dtype).contiguous()


def _philox(counter: list[Tensor], key: tuple[int, int]) -> list[Tensor]:
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        # Products of two 32-bit words wrap in int64; the masks make the halves right again.
        p0, p1 = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0 = (p1 >> 32 & MASK) ^ c1 ^ k0
        c1 = p1 & MASK
        c2 = (p0 >> 32 & MASK) ^ c3 ^ k1
        c3 = p0 & MASK
        k0, k1 = k0 + WEYL[0] & MASK, k1 + WEYL[1] & MASK
    return [c0, c1, c2, c3]


def _box_muller(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    radius = torch.sqrt(-2.0 * torch.log((first.double() + 1.0) * 2.0**-32))
    angle = second.double() * (2.0 * math.pi * 2.0**-32)
    return radius * torch.cos(angle), radius * torch.sin(angle)
