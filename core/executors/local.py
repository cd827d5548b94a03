"""Samples one after the other in this process, each resumable within itself."""

import time
from collections.abc import Generator

import attrs
import torch

from recon.core.errors import ReconError
from recon.core.executors import Failed, Made, Measured, Order, Progress, Result
from recon.core.pipeline import measure, reconstruct, torch_device
from recon.core.recipe import Recipe
from recon.core.volume import Volume

SAVE_EVERY = 10.0
"""Seconds between savings of an unfinished sample."""

HERE = "local"


@attrs.frozen
class Local:
    """All that torch has here works on one sample at a time."""

    def check(self, recipe: Recipe) -> None:
        """Nothing beyond what every run needs."""

    def results(self, order: Order, progress: Progress) -> Generator[Result, None, None]:
        """All samples are reconstructed, then all are measured."""
        failed = set()
        for number in order.unmade():
            try:
                yield _sample(order, number, progress)
            except ReconError as error:
                failed.add(number)
                yield Failed(number, error)
        recipe, total = order.recipe, order.recipe.samples
        for number in order.unmeasured():
            if number in failed:
                continue
            progress("measure", number, total, "")
            try:
                volume = Volume.open(order.path(number))
                yield Measured(number, measure(volume, recipe.metrics, recipe.properties))
            except ReconError as error:
                yield Failed(number, error)
        progress("measure", total, total, "")


def _sample(order: Order, number: int, progress: Progress) -> Made:
    """One sample, from where it stopped if it had begun."""
    recipe, folder, path = order.recipe, order.folder, order.path(number)
    name = f"{path.stem}.safetensors"
    start = folder.load_field(name, torch_device(recipe.device))
    begun = saved = time.monotonic()
    for state in reconstruct(recipe, sample=number, denoiser=order.denoiser, start=start):
        progress(f"reconstruct {path.name}", state.number, state.steps, "")
        due = time.monotonic() - saved > SAVE_EVERY and state.number < state.steps
        if due and isinstance(state.x, torch.Tensor):
            folder.save_field(name, state.number, state.x)
            saved = time.monotonic()
    done = start[0] if start else 0
    # As if all steps had been made now.
    seconds = (time.monotonic() - begun) * state.steps / (state.steps - done)
    return Made(number, state.volume, seconds, HERE, torch.get_num_threads())
