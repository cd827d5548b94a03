"""What a design asks for, tried on a small random volume before anything is trained or made."""

from collections.abc import Sequence

import numpy as np

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser
from recon.core.recipe import Recipe
from recon.workflow.design.search import Design
from recon.workflow.design.space import is_whole

SIDE = 12
"""Voxels along each side of the small volume."""


def check_targets(design: Design, recipe: Recipe, denoiser: Denoiser | None = None) -> None:
    """ReconError for targets that cannot be read from what their plugins return.

    Known before anything is trained where the recipe names micrographs; else with the denoiser.
    """
    if denoiser is not None and denoiser.material is not None:
        phases, size = denoiser.material.phases, denoiser.material.voxel_size
    elif recipe.micrographs is not None:
        micrographs = Micrographs.open(recipe.micrographs)
        phases, size = micrographs.phases, micrographs.voxel_size
    else:
        return
    small = tuple(min(side, SIDE) for side in recipe.shape)
    try:
        design.measure([_make_random(small, phases, size)])
    except ReconError:
        # Lags and lengths go as far as the volume does.
        if small == recipe.shape or design.build_plugins()["property"]:
            raise
        design.measure([_make_random(recipe.shape, phases, size)])


def _make_random(
    shape: Sequence[int], phases: Sequence[str], size: tuple[float, float, float]
) -> Volume:
    labels = np.random.default_rng(0).integers(0, len(phases), tuple(shape), dtype=np.uint8)
    return Volume(labels, size, phases)


def check_bounds(design: Design, recipe: Recipe) -> None:
    """ReconError for bounds of whole numbers that are not whole."""
    for parameter in design.parameters:
        bounds = parameter.low, parameter.high
        if is_whole(parameter.key, recipe) and any(bound != int(bound) for bound in bounds):
            raise ReconError(
                f"vary={parameter.key}: its bounds must be whole numbers, got {bounds[0]:g}:"
                f"{bounds[1]:g}"
            )
