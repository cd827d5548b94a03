"""One sample in slabs: what every process that holds a part of it does."""

import time
from pathlib import Path

import torch.distributed as dist

from recon.core.kinds import Denoiser
from recon.core.recipe import Recipe
from recon.core.sampler import State, sample_steps, torch_device
from recon.core.sampling.processes import Processes
from recon.core.sampling.slabs import SlabField, Slabs
from recon.workflow.executors import Progress
from recon.workflow.executors import unfinished as keeping

SAVE_EVERY = 60.0
"""Seconds between savings of an unfinished sample."""


def sampled(
    recipe: Recipe,
    number: int,
    denoiser: Denoiser,
    slabs: Slabs,
    kept: Path,
    processes: Processes,
    progress: Progress,
) -> tuple[State, float]:
    """The last state of a sample, and the seconds as if all its steps had been made now.

    kept  folder for the unfinished sample, from which it goes on if it had begun
    """
    start = keeping.load(kept, slabs, torch_device(recipe.device))
    done = start[0] if start else 0
    begun = last = time.monotonic()
    for state in sample_steps(recipe, sample=number, denoiser=denoiser, start=start, slabs=slabs):
        progress(f"reconstruct {kept.stem}.zarr", state.number, state.steps, "")
        assert isinstance(state.x, SlabField)
        if state.number < state.steps and agreed(time.monotonic() - last > SAVE_EVERY, processes):
            keeping.save(kept, state.number, state.x, processes)
            last = time.monotonic()
    return state, (time.monotonic() - begun) * state.steps / max(1, state.steps - done)


def agreed(value: bool, processes: Processes) -> bool:
    """What the first process says."""
    if processes.size == 1:
        return value
    said = [value]
    dist.broadcast_object_list(said)
    return said[0]
