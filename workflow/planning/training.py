"""How long a training will take on this machine, measured by a few steps of it."""

import time
from typing import Any

import attrs

from recon.core.data.micrographs import Micrographs
from recon.core.job import build
from recon.core.kinds import Denoiser
from recon.core.options import options
from recon.core.recipe import Recipe
from recon.core.sampling.device import resolve_device

TRIED = 6
"""Steps that are made."""


def time_training(recipe: Recipe, micrographs: Micrographs) -> tuple[float, Denoiser]:
    """Seconds that fitting the recipe's denoiser takes, and one that was fitted for a moment.

    A denoiser without an option `steps` is fitted as it is.
    """
    choice, marks = recipe.denoiser, list[float]()
    steps = build("denoiser", choice).steps if "steps" in options_of(choice) else None
    if steps is not None:
        choice = attrs.evolve(choice, options={**choice.options, "steps": min(TRIED, steps)})
    denoiser: Denoiser = build("denoiser", choice)

    def note(record: dict[str, Any]) -> None:
        marks.append(time.perf_counter())

    begin = time.perf_counter()
    device = resolve_device(recipe.device)
    denoiser.fit(micrographs, seed=recipe.seed, device=device, report=note)
    spent = time.perf_counter() - begin
    if steps is None or steps <= TRIED or len(marks) < 2:
        return spent, denoiser
    # The first step, and what is measured before it, is made once.
    each = (marks[-1] - marks[0]) / (TRIED - 1)
    return spent + each * (steps - TRIED), denoiser


def options_of(choice: Any) -> set[str]:
    """Names of the options of the plugin chosen."""
    return set(options(type(build("denoiser", choice))))
