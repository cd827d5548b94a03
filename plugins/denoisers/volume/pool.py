"""Volumes composed from slices: what the 3D network begins from."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recon.core.kinds import Denoiser
from recon.core.recipe import Choice, Recipe
from recon.core.sampler import sample_steps

COUNT = 16
"""Volumes, where there are as many steps."""
MARGIN = 8
"""Voxels by which the volumes are larger than the crops that are taken of them."""
STEPS, ROUNDS = 20, 2
"""Of the sampler: few, as they show what volumes look like and are not the result."""


def compose_pool(
    denoiser: Denoiser,
    count: int,
    side: int,
    seed: int,
    device: str,
    report: Callable[[int], None],
) -> NDArray[np.uint8]:
    """Labels (count, side, side, side) of volumes made by a fitted denoiser of slices.

    report  called with how many there are
    """
    recipe = Recipe(
        harmonizer=Choice("spectral", {"rounds": ROUNDS}),
        shape=(side,) * 3,
        steps=STEPS,
        seed=seed,
        device=device,
    )
    made = []
    for sample in range(count):
        *_, last = sample_steps(recipe, sample=sample, denoiser=denoiser)
        made.append(last.volume.labels)
        report(len(made))
    return np.stack(made)
