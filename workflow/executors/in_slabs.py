"""One sample in slabs: what every process that holds a part of it does."""

import time
from pathlib import Path

import torch.distributed as dist

from recon.core.job import Job
from recon.core.sampler import State, sample_steps
from recon.core.sampling.processes import Processes
from recon.core.sampling.slabs import SlabField, Slabs
from recon.workflow.executors import Progress
from recon.workflow.executors import unfinished as keeping

SAVE_EVERY = 60.0
"""Seconds between savings of an unfinished sample."""


def sample_in_slabs(
    job: Job,
    number: int,
    slabs: Slabs,
    unfinished: Path,
    processes: Processes,
    progress: Progress,
) -> tuple[State, float]:
    """The last state of a sample, and the seconds as if all its steps had been made now.

    unfinished  folder for the unfinished sample, from which it is resumed if it had begun
    """
    start = keeping.load(unfinished, slabs, job.device)
    done = start[0] if start else 0
    begun = last = time.monotonic()
    for state in sample_steps(job, sample=number, start=start, slabs=slabs):
        progress(f"reconstruct {unfinished.stem}.zarr", state.number, state.steps, "")
        assert isinstance(state.x, SlabField)
        due = time.monotonic() - last > SAVE_EVERY
        if state.number < state.steps and broadcast(due, processes):
            keeping.save(unfinished, state.number, state.x, processes)
            last = time.monotonic()
    return state, (time.monotonic() - begun) * state.steps / max(1, state.steps - done)


def broadcast(value: bool, processes: Processes) -> bool:
    """What the first process says."""
    if processes.size == 1:
        return value
    message = [value]
    dist.broadcast_object_list(message)
    return message[0]
