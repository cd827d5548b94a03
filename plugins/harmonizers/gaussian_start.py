"""Start of the sampler from a Gaussian field that has the volume's spectrum."""

from math import sqrt

import torch

from recon.core.sampling.scene import Noise, Scene
from recon.core.sampling.slabs import as_tensor, mean_by_channel
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
    mean = prior.statistics.mean
    if scene.fractions is not None:
        signal = signal - mean_by_channel(signal).to(scene.device)
        mean = 2.0 * scene.fractions[-scene.shape[0] :] - 1.0
    level = torch.as_tensor(mean, dtype=torch.float32, device=scene.device)
    signal = signal + (level if level.ndim > 1 else level.view(-1, 1, 1, 1))
    if scene.anchors:
        signal = signal + krige(as_tensor(signal), scene.anchors, spectrum, spectrum.p3)
    return sqrt(scene.ab_start) * signal + sqrt(1 - scene.ab_start) * z
