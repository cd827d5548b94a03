"""Samples one after the other in this process, each resumable within itself."""

import time
from collections.abc import Callable, Collection
from functools import partial
from math import prod
from pathlib import Path
from shutil import disk_usage

import attrs
import torch

from recon.core.data.chunked_volume import ChunkedVolume
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.job import Job
from recon.core.measure import measure_all
from recon.core.recipe import Recipe
from recon.core.sampler import refuse_slabs, sample_steps
from recon.core.sampling.processes import Processes
from recon.core.storage.atomic import remove
from recon.core.storage.budget import format_memory
from recon.workflow.executors import Order, Progress, Sample, Sink
from recon.workflow.executors.in_slabs import sample_in_slabs
from recon.workflow.executors.on_disk import OnDisk
from recon.workflow.executors.streamed import StreamedVolume
from recon.workflow.planning.plan import choose_thickness, estimate_scratch
from recon.workflow.provenance import describe_machine
from recon.workflow.whole_volume import IN_MEMORY, fits_into_memory

SAVE_EVERY = 10.0
"""Seconds between savings of an unfinished sample."""

HERE = "local"


@attrs.frozen
class Local:
    """All that torch has here works on one sample at a time.

    memory  bytes that it may take; a volume that needs more is kept in slabs on disk
    """

    memory: int | None = None

    def check(self, recipe: Recipe) -> None:
        """Nothing beyond what every run needs."""

    def prepare(self, job: Job, folder: Path) -> None:
        """Refuse what slabs do not bring within the memory, or have no room on the disk for."""
        if choose_thickness(self.memory, job) is None:
            return
        refuse_slabs(job.recipe)
        needed = estimate_scratch(job)
        if (free := disk_usage(folder).free) < needed:
            raise ReconError(
                f"a volume of this shape is worked on in slabs that take {format_memory(needed)} "
                f"on disk, {format_memory(free)} are free there; take a smaller shape=, more "
                "memory= or an out= on a larger disk"
            )

    def execute(self, order: Order, sink: Sink, progress: Progress) -> None:
        """All samples are reconstructed, then all are measured."""
        thickness = choose_thickness(self.memory, order.job) if order.unmade else None
        make = make_sample if thickness is None else partial(make_in_slabs, thickness=thickness)
        failed = make_all(order, sink, partial(make, order, progress))
        measure_samples(order, sink, progress, self.memory, failed)


def make_all(order: Order, sink: Sink, make: Callable[[int], Sample]) -> set[int]:
    """Make the samples that have no volume; the numbers of those that cannot be made."""
    failed = set()
    for number in order.unmade:
        try:
            sample = make(number)
        except ReconError as error:
            failed.add(number)
            sink.keep_failure(number, error)
        else:
            sink.keep_sample(sample)
    return failed


def measure_samples(
    order: Order, sink: Sink, progress: Progress, memory: int | None, failed: Collection[int]
) -> None:
    """Measure the samples that are made and not measured yet.

    memory  bytes that this may take;  failed  samples that were not made
    """
    job, total = order.job, order.samples
    for number in order.unmeasured:
        if number in failed:
            continue
        progress("measure", number, total, "")
        try:
            volume = _open(order.path(number), job.recipe, memory)
            results = measure_all(volume, job.metrics, job.properties)
        except ReconError as error:
            sink.keep_failure(number, error)
        else:
            sink.keep_results(number, results)
    progress("measure", total, total, "")


def make_sample(order: Order, progress: Progress, number: int) -> Sample:
    """One sample, from where it stopped if it had begun."""
    job, folder, path = order.job, order.folder, order.path(number)
    name = f"{path.stem}.safetensors"
    start = folder.load_field(name, job.device)
    begun = saved = time.monotonic()
    for state in sample_steps(job, sample=number, start=start):
        progress(f"reconstruct {path.name}", state.number, state.steps, "")
        due = time.monotonic() - saved > SAVE_EVERY and state.number < state.steps
        if due and isinstance(state.x, torch.Tensor):
            folder.save_field(name, state.number, state.x)
            saved = time.monotonic()
    done = start[0] if start else 0
    # As if all steps had been made now.
    seconds = (time.monotonic() - begun) * state.steps / (state.steps - done)
    return Sample(number, state.volume, seconds, HERE, *describe_machine(job.device))


def make_in_slabs(order: Order, progress: Progress, number: int, thickness: int) -> Sample:
    """The same with the fields on disk, in the folder of the unfinished run."""
    job, fields = order.job, order.state(number, "fields")
    remove(fields)
    slabs, unfinished = OnDisk(fields, thickness, job.device), order.state(number, "slabs")
    state, seconds = sample_in_slabs(job, number, slabs, unfinished, Processes(), progress)
    volume = StreamedVolume(job.recipe.shape, state.denoiser.voxel_size, state.phases, state.labels)
    return Sample(number, volume, seconds, HERE, *describe_machine(job.device))


def _open(path: Path, recipe: Recipe, memory: int | None) -> Volume | ChunkedVolume:
    """A sample to measure, in parts where it does not fit into the memory."""
    whole = fits_into_memory(path) if memory is None else IN_MEMORY * prod(recipe.shape) <= memory
    return Volume.open(path) if whole else ChunkedVolume.open(path, memory)
