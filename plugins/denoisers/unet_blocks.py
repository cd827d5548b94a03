"""Parts of the conditional U-Net: convolution, residual block, attention, condition."""

import math
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recon.plugins.denoisers.architecture import Architecture

LOG_SNR_LIMIT = 20.0
Module = TypeVar("Module", bound=nn.Module)


class Condition(NamedTuple):
    """What every block receives beside the picture.

    embedding  (n or 1, 4 width) noise level and pooled plane
    tokens     (n or 1, 3, condition_width) what attention layers see of the two
    periodic   whether each slice axis wraps around
    """

    embedding: Tensor
    tokens: Tensor
    periodic: tuple[bool, bool]


class Convolution(nn.Conv2d):
    """Convolution that wraps around periodic axes and sees a zero beyond the others."""

    def __init__(self, incoming: int, outgoing: int, size: int = 3, stride: int = 1) -> None:
        super().__init__(incoming, outgoing, size, stride, padding=1)

    def forward(self, x: Tensor, periodic: tuple[bool, bool]) -> Tensor:  # type: ignore[override]
        if not any(periodic):
            return super().forward(x)
        a, b = (int(on) for on in periodic)
        x = F.pad(x, (b, b, a, a), mode="circular")
        return F.conv2d(x, self.weight, self.bias, self.stride, (1 - a, 1 - b))


class ResidualBlock(nn.Module):
    """Two normalized convolutions; the condition scales and shifts before the second.

    The scale is a product and a sum: torch.addcmul is five times slower on a CPU here.
    """

    def __init__(self, a: Architecture, incoming: int, outgoing: int, attends: bool) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(a.groups, incoming)
        self.convolution1 = Convolution(incoming, outgoing)
        self.attention = Attention(a, outgoing, to_pixels=False) if attends else None
        self.norm2 = nn.GroupNorm(a.groups, outgoing, affine=False)
        self.modulation = nn.Linear(4 * a.width, 2 * outgoing)
        self.convolution2 = zeroed(Convolution(outgoing, outgoing))
        self.shortcut = nn.Conv2d(incoming, outgoing, 1) if incoming != outgoing else nn.Identity()

    def forward(self, x: Tensor, c: Condition) -> Tensor:
        h = self.convolution1(F.silu(self.norm1(x)), c.periodic)
        if self.attention is not None:
            h = self.attention(h, c)
        scale, shift = self.modulation(c.embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        out: Tensor = self.shortcut(x) + self.convolution2(F.silu(h), c.periodic)
        return out


class Attention(nn.Module):
    """Attention of every pixel to the condition tokens and, if so asked, to all pixels."""

    def __init__(self, a: Architecture, width: int, to_pixels: bool) -> None:
        super().__init__()
        inner = a.heads * a.head_width
        self.head_width = a.head_width
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, inner, bias=False)
        self.pixels = nn.Linear(width, 2 * inner, bias=False) if to_pixels else None
        self.tokens = nn.Linear(a.condition_width, 2 * inner, bias=False)
        self.out = zeroed(nn.Linear(inner, width))

    def forward(self, x: Tensor, c: Condition) -> Tensor:
        n, _, a, b = x.shape
        h = self.norm(x.flatten(2).mT)
        keys_values = self.tokens(c.tokens).expand(n, -1, -1)
        if self.pixels is not None:
            keys_values = torch.cat((self.pixels(h), keys_values), dim=1)
        q, k, v = (
            part.unflatten(-1, (-1, self.head_width)).transpose(1, 2)
            for part in (self.query(h), *keys_values.chunk(2, dim=-1))
        )
        h = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return x.add(self.out(h).mT.unflatten(-1, (a, b)))


class Transformer(nn.Module):
    """Self-attention with the condition among keys and values, then a pixelwise network."""

    def __init__(self, a: Architecture, width: int) -> None:
        super().__init__()
        self.attention = Attention(a, width, to_pixels=True)
        self.norm = nn.GroupNorm(1, width)
        self.widen = nn.Conv2d(width, 2 * width, 1)
        self.narrow = zeroed(nn.Conv2d(2 * width, width, 1))

    def forward(self, x: Tensor, c: Condition) -> Tensor:
        x = self.attention(x, c)
        return x.add(self.narrow(F.gelu(self.widen(self.norm(x)))))


class Upsample(nn.Module):
    """Twice the resolution by depth to space, starting as nearest neighbour (no checkerboard)."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(incoming, 4 * outgoing, 1)
        with torch.no_grad():
            self.spread.weight.copy_(self.spread.weight[::4].repeat_interleave(4, 0))
            nn.init.zeros_(self.spread.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(F.silu(self.spread(x)), 2)


class ConditionEncoder(nn.Module):
    """Embedding and tokens of a noise level (log-SNR) and a plane."""

    def __init__(self, a: Architecture, planes: int) -> None:
        super().__init__()
        width = self.width = 4 * a.width
        self.noise = nn.Sequential(nn.Linear(width, width), nn.SiLU())
        self.noise_embedding = nn.Linear(width, width)
        self.noise_tokens = nn.Linear(width, 2 * a.condition_width)
        weight = torch.empty(planes + 1, a.condition_width)
        if not weight.is_meta:  # there, torch would import its compiler for it
            nn.init.normal_(weight)
        self.plane = nn.Embedding(planes + 1, a.condition_width, _weight=weight)
        self.plane_embedding = nn.Sequential(
            nn.LayerNorm(a.condition_width),
            nn.Linear(a.condition_width, width),
            nn.SiLU(),
            nn.Linear(width, width),
        )
        self.norm = nn.LayerNorm(a.condition_width)

    def forward(self, noise_level: Tensor, plane: Tensor, periodic: tuple[bool, bool]) -> Condition:
        noise = self.noise(self._waves(noise_level))
        plane_token = self.plane(plane)
        embedding = self.noise_embedding(noise) + self.plane_embedding(plane_token)
        tokens = self.noise_tokens(noise).unflatten(-1, (2, -1))
        tokens = self.norm(torch.cat((tokens, plane_token[:, None]), dim=1))
        return Condition(F.silu(embedding), tokens, periodic)

    def _waves(self, noise_level: Tensor) -> Tensor:
        """Sines and cosines of the log-SNR, of wavelengths 2 to 80."""
        like = self.plane.weight
        level = noise_level.float().clamp(-LOG_SNR_LIMIT, LOG_SNR_LIMIT)
        exponents = torch.linspace(0, 1, self.width // 2, device=level.device)
        phase = level[:, None] * math.pi * torch.pow(2 * LOG_SNR_LIMIT, -exponents)
        return torch.cat((phase.sin(), phase.cos()), dim=1).to(like.dtype)


def zeroed(module: Module) -> Module:
    """The module with all parameters zero: a block begins as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module
