"""How well a network denoises slices that it has not seen: its quality without any composition."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recon.core import Micrographs, Recipe, resolve
from recon.core.data.encoding import encode
from recon.core.sampling.step import Step

LEVELS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Noise over signal (variance), around where phases are decided."""
SIDE, SLICES = 64, 24


def denoising_error(weights: Path, micrographs: Micrographs, seed: int = 0) -> float:
    """Mean squared error of the clean estimate over the field's variance, mean over levels, planes.

    The middles of at most 24 slices a plane, 64 x 64 pixels or less; 1 would be an estimate that
    knows the mean only.
    """
    denoiser = resolve(Recipe(weights=str(weights))).denoiser
    ab = denoiser.alpha_bar
    steps = [at_level(ab, level) for level in LEVELS]
    draw = torch.Generator().manual_seed(seed)
    rows = []
    for plane, every in micrographs.planes.items():
        chosen = every[:: max(1, len(every) // SLICES)][:SLICES]
        side = [min(SIDE, *(image.shape[axis] for image in chosen)) for axis in (0, 1)]
        labels = torch.as_tensor(np.stack([_middle(image, side) for image in chosen]))
        field = encode(labels, len(micrographs.phases)).transpose(0, 1).contiguous()
        variance = field.var((0, 2, 3), correction=0).sum()
        for step in steps:
            noise = torch.randn(field.shape, generator=draw)
            noisy = step.ab_t**0.5 * field + (1 - step.ab_t) ** 0.5 * noise
            with torch.inference_mode():
                clean = denoiser.clean(noisy, step, plane)
            rows.append(float(((clean - field) ** 2).mean((0, 2, 3)).sum() / variance))
    return float(np.mean(rows))


def _middle(image: NDArray[np.uint8], side: Sequence[int]) -> NDArray[np.uint8]:
    a, b = ((n - s) // 2 for n, s in zip(image.shape, side, strict=True))
    return image[a : a + side[0], b : b + side[1]]


def at_level(ab: NDArray[np.float64], level: float) -> Step:
    """The step of a schedule whose noise over signal is nearest to a level."""
    t = int(np.argmin(np.abs(np.log((1 - ab) / ab) - np.log(level))))
    return Step(0, 1, t, float(ab[t]), 1.0)
