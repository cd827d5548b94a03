"""What the sampler makes of a Gaussian field, in numbers: the cases and how they are computed.

The denoiser is the closed form in float64, so nothing here depends on a network or on training.
"""

import itertools

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from recon.core import Micrographs, Recipe, sample_steps
from recon.core.recipe import Choice
from recon.core.sampling.philox import START, draw_normal
from recon.plugins.denoisers.gaussian import Gaussian

SHAPE = (9, 12, 15)
EACH = (3, 4, 5)
"""Voxels kept: one in so many along (z, y, x)."""
HARMONIZERS = ("none", "gamma-blend", "spectral")
SCHEDULES = ("cyclic", "random", "simultaneous")
CASES = {
    f"{phases} phases, {harmonizer}, {schedule}": (phases, harmonizer, schedule)
    for phases, harmonizer, schedule in itertools.product((2, 3), HARMONIZERS, SCHEDULES)
}


def denoiser(phases):
    """Closed form of an anisotropic field; of three phases with what micrographs of one show."""
    if phases == 2:
        return Gaussian(lengths=(1.5, 2.0, 3.0), fraction=0.3)
    rng = np.random.default_rng(5)
    stacks = {}
    for plane, sigma in {"xy": (0, 1.5, 2), "xz": (0, 1, 2), "yz": (0, 1, 1.5)}.items():
        field = gaussian_filter(rng.normal(size=(4, 30, 30)), sigma)
        stacks[plane] = np.digitize(field, np.quantile(field, (0.3, 0.8)))
    gaussian = Gaussian()
    gaussian.fit(Micrographs(stacks))
    return gaussian


def recipe(harmonizer, schedule, **options):
    return Recipe(
        seed=11,
        steps=6,
        shape=SHAPE,
        periodic=("y",),
        harmonizer=Choice(harmonizer, options),
        schedule=Choice(schedule),
    )


def sampled(name, shake=0.0, informed=False, **options):
    """The field at the voxels kept, float64, and the share of each phase.

    shake     relative size of a disturbance of the start
    informed  start as a run does, in single precision, and not from float64 noise
    """
    phases, harmonizer, schedule = CASES[name]
    fitted, wanted = denoiser(phases), recipe(harmonizer, schedule, **options)
    start = None
    if not informed:
        channels = 1 if phases == 2 else phases
        x = draw_normal(wanted.seed, START, 0, (channels, *SHAPE), dtype=torch.float64)
        other = draw_normal(0, 0, 0, (channels, *SHAPE), dtype=torch.float64)
        start = (0, x + shake * other)
    *_, state = sample_steps(wanted, denoiser=fitted, start=start)
    kept = state.x[:, :: EACH[0], :: EACH[1], :: EACH[2]].double().numpy()
    labels = state.volume.labels
    return kept.ravel(), np.bincount(labels.ravel(), minlength=phases) / labels.size
