"""Start of the sampler from a Gaussian field that has the volume's spectrum."""

from math import prod, sqrt

import torch
from torch import Tensor

from recon.core.sampling.scene import Noise, Scene
from recon.core.sampling.slabs import all_gather, as_tensor, iterate_slabs
from recon.core.sampling.slabs.field import Field
from recon.plugins.harmonizers.kriging import krige
from recon.plugins.harmonizers.prior import Prior


def draw_gaussian_start(scene: Scene, prior: Prior, noise: Noise) -> Field:
    """x_T = sqrt(ab_T) (mean + Gaussian field) + sqrt(1 - ab_T) z, conditioned on the anchors.

    The mean is that of the fractions aimed at, and the field then has none of its own.
    """
    z = noise(0)
    spectrum = prior.spectrum
    signal = spectrum.colour(noise(1, shape=(scene.shape[0], *spectrum.grid)))
    if prior.blend is not None and prior.other is not None:
        other = prior.other.spectrum
        coloured = other.colour(noise(2, shape=(scene.shape[0], *other.grid)))
        signal = prior.blend.blend_noises(signal, coloured)
    mean = prior.statistics.mean
    if scene.fractions is not None:
        signal = signal - mean_by_channel(signal).to(scene.device)
        mean = 2.0 * scene.fractions[-scene.shape[0] :] - 1.0
    level = torch.as_tensor(mean, dtype=torch.float32, device=scene.device)
    signal = signal + (level if level.ndim > 1 else level.view(-1, 1, 1, 1))
    if scene.anchors:
        signal = signal + krige(as_tensor(signal), scene.anchors, spectrum, spectrum.p3)
    return sqrt(scene.ab_start) * signal + sqrt(1 - scene.ab_start) * z


def mean_by_channel(field: Field) -> Tensor:
    """Mean of each channel (C, 1, 1, 1), summed plane by plane."""
    if isinstance(field, Tensor):
        planes = field.sum((2, 3), dtype=torch.float64)
    else:
        own = [part.sum((2, 3), dtype=torch.float64).cpu() for _, part in iterate_slabs(field)]
        planes = torch.cat(all_gather(field, torch.cat(own, 1)), 1)
    return (planes.mean(1) / prod(field.shape[2:])).float().view(-1, 1, 1, 1)
