"""2D critics: how real the slices of a volume look beside windows of the micrographs.

Patches are judged (Isola et al., CVPR 2017) by networks of spectral norm 1 (Miyato et al.,
ICLR 2018) with a hinge loss. Both sides carry the same noise, so that shape is judged, not
the sharpness of an edge.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from recon.core.data.encoding import count_channels

WIDTHS = (32, 64, 128, 128)
NOISE = 0.3
"""Standard deviation of what is added to both sides."""
SMALLEST: int = 3 * 2 ** len(WIDTHS)
"""Least side of the windows."""


def build_critic(phases: int) -> nn.Module:
    """A critic of one plane: windows (n, C, a, b) to scores of overlapping patches."""
    layers: list[nn.Module] = []
    incoming = count_channels(phases)
    for width in WIDTHS:
        layers.append(spectral_norm(nn.Conv2d(incoming, width, 4, stride=2, padding=1)))
        layers.append(nn.LeakyReLU(0.2))
        incoming = width
    layers.append(spectral_norm(nn.Conv2d(incoming, 1, 3)))
    return nn.Sequential(*layers)


def blur(windows: Tensor, generator: torch.Generator) -> Tensor:
    """The windows with noise on them."""
    noise = torch.randn(windows.shape, generator=generator).to(windows.device)
    noisy = windows + NOISE * noise
    return noisy.contiguous(memory_format=torch.channels_last)


def judge_loss(real: Tensor, made: Tensor) -> Tensor:
    """What a critic minimizes, of its scores of both sides."""
    return F.relu(1 - real).mean() + F.relu(1 + made).mean()
