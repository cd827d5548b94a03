"""How long a training will take on this machine, and the one that fits a time."""

import logging
import re
import time

import attrs

from recon.core.data.micrographs import Micrographs
from recon.core.errors import ReconError, shown
from recon.core.job import build
from recon.core.kinds import Denoiser
from recon.core.kinds.denoiser import StepCost
from recon.core.options import options
from recon.core.recipe import Choice, Recipe
from recon.core.sampling.device import resolve_device
from recon.workflow.progress import format_duration

log = logging.getLogger(__name__)

TRIED = {"steps": 6, "volume_steps": 1}
"""Steps of a denoiser that is fitted for a moment, to see what it costs to use."""
PRESETS = ("tiny", "small")
"""Of a CPU, the smaller first; a GPU has time for `paper` too."""
LEAST = 0.1
"""Least share of a training's usual steps that is worth while."""


def time_training(recipe: Recipe, micrographs: Micrographs) -> float:
    """Seconds that fitting the recipe's denoiser takes."""
    denoiser: Denoiser = build("denoiser", recipe.denoiser)
    device = resolve_device(recipe.device)
    costs = denoiser.time_steps(micrographs, device)
    if not costs:
        begun = time.perf_counter()
        denoiser.fit(micrographs, seed=recipe.seed, device=device)
        return time.perf_counter() - begun
    return add_up(denoiser, costs)


def add_up(denoiser: Denoiser, costs: dict[str, StepCost]) -> float:
    """Seconds of all steps that a denoiser is set to make."""
    steps = {name: getattr(denoiser, name) for name in costs}
    total: float = sum(
        cost.before + cost.each * steps[name] for name, cost in costs.items() if steps[name]
    )
    return total


def fit_for_a_moment(recipe: Recipe, micrographs: Micrographs) -> Denoiser:
    """The recipe's denoiser after a few steps: it knows little, but costs what it will cost."""
    choice = recipe.denoiser
    few = {name: n for name, n in TRIED.items() if name in options_of(choice)}
    wanted = build("denoiser", choice)
    few = {name: min(n, getattr(wanted, name)) for name, n in few.items()}
    denoiser: Denoiser = build("denoiser", attrs.evolve(choice, options={**choice.options, **few}))
    denoiser.fit(micrographs, seed=recipe.seed, device=resolve_device(recipe.device))
    return denoiser


def fit_into(recipe: Recipe, micrographs: Micrographs, seconds: float) -> tuple[Recipe, float]:
    """The recipe with a training that takes about so long, and the seconds that it will take.

    The largest preset whose usual steps fit, or the smallest with fewer of them.
    """
    device = resolve_device(recipe.device)
    presets = PRESETS if device == "cpu" else (*PRESETS, "paper")
    if "preset" not in options_of(recipe.denoiser):
        raise ReconError(f"denoiser {recipe.denoiser.name} has no presets to choose from by time")
    for name in ("steps", "volume_steps"):
        if recipe.denoiser.options.get(name) is not None:
            raise ReconError(f"time= chooses the denoiser's {name}; leave one of them out")
    given = recipe.denoiser.options.get("preset")
    fits: tuple[Choice, Denoiser, dict[str, StepCost], float] | None = None
    for preset in (given,) if given else presets:  # a larger one is timed only if this one fits
        choice = Choice(recipe.denoiser.name, {**recipe.denoiser.options, "preset": preset})
        log.info("timing a few training steps of preset %s", preset)
        denoiser: Denoiser = build("denoiser", choice)
        costs = denoiser.time_steps(micrographs, device)
        before = sum(cost.before for cost in costs.values())
        share = (seconds - before) / max(add_up(denoiser, costs) - before, 1e-9)
        if fits is None or share >= 1:
            fits = choice, denoiser, costs, share
        if share < 1:
            break
    assert fits is not None  # there is at least one preset
    choice, denoiser, costs, share = fits
    if share < LEAST:
        before = sum(cost.before for cost in costs.values())
        least = before + LEAST * (add_up(denoiser, costs) - before)
        raise ReconError(
            f"time= must be at least {format_duration(least)} on this machine, got "
            f"{format_duration(seconds)}; for a trial, set the number of training steps instead"
        )
    share = min(share, 1.0)
    steps = {name: round(share * getattr(denoiser, name)) for name in costs}
    fitted = attrs.evolve(choice, options={**choice.options, **steps})
    return attrs.evolve(recipe, denoiser=fitted), add_up(build("denoiser", fitted), costs)


def format_training(recipe: Recipe, seconds: float) -> str:
    """What was chosen and what it will take, as one says it."""
    steps = recipe.denoiser.options
    volume = steps.get("volume_steps")
    network = f", then {volume} of the 3D network" if volume else ""
    return (
        f"training preset {steps['preset']}: {steps['steps']} steps{network}, about "
        f"{format_duration(seconds)} here"
    )


def parse_duration(text: str | float) -> float:
    """Seconds of "90s", "15m", "1h" or "1.5h"; numbers are seconds."""
    units = {"s": 1, "m": 60, "min": 60, "h": 3600}
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h)?\s*", str(text))
    if match is None or float(match[1]) <= 0:
        raise ReconError(f"time= must be a duration such as 90s, 15m or 1h, got {shown(text)}")
    return float(match[1]) * units[match[2] or "s"]


def options_of(choice: Choice) -> set[str]:
    """Names of the options of the plugin chosen."""
    return set(options(type(build("denoiser", choice))))
