"""Samples one after the other in this process, each resumable within itself."""

import time
from collections.abc import Collection, Generator, Iterator
from math import prod
from pathlib import Path
from shutil import disk_usage

import attrs
import torch

from recon.core.data.chunked_volume import IN_MEMORY, ChunkedVolume, fits
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser
from recon.core.measure import measure_all
from recon.core.recipe import Recipe
from recon.core.sampler import refuse_slabs, sample_steps, torch_device
from recon.core.sampling.processes import Processes
from recon.core.storage.atomic import remove
from recon.core.storage.budget import format_memory
from recon.core.storage.streamed import StreamedVolume
from recon.workflow.executors import Failed, Made, Measured, Order, Progress, Result
from recon.workflow.executors.in_slabs import sampled
from recon.workflow.executors.on_disk import OnDisk
from recon.workflow.planning.plan import scratch, thickness_within
from recon.workflow.provenance import surroundings

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

    def prepare(self, recipe: Recipe, denoiser: Denoiser, folder: Path) -> None:
        """Refuse what slabs do not bring within the memory, or have no room on the disk for."""
        if thickness_within(self.memory, recipe, denoiser) is None:
            return
        refuse_slabs(recipe)
        needed = scratch(recipe, denoiser)
        if (free := disk_usage(folder).free) < needed:
            raise ReconError(
                f"a volume of this shape is worked on in slabs that take {format_memory(needed)} "
                f"on disk, {format_memory(free)} are free there; take a smaller --shape, more "
                "--memory or an --out on a larger disk"
            )

    def results(self, order: Order, progress: Progress) -> Generator[Result, None, None]:
        """All samples are reconstructed, then all are measured."""
        failed = set()
        unmade = order.unmade()
        thickness = thickness_within(self.memory, order.recipe, order.denoiser) if unmade else None
        for number in unmade:
            try:
                if thickness is None:
                    yield _sample(order, number, progress)
                else:
                    yield _in_slabs(order, number, progress, thickness)
            except ReconError as error:
                failed.add(number)
                yield Failed(number, error)
        yield from measurements(order, failed, progress, self.memory)


def measurements(
    order: Order, failed: Collection[int], progress: Progress, memory: int | None
) -> Iterator[Result]:
    """Measure the samples that are made and not measured yet.

    memory  bytes that this may take
    """
    recipe, total = order.recipe, order.recipe.samples
    for number in order.unmeasured():
        if number in failed:
            continue
        progress("measure", number, total, "")
        try:
            volume = _opened(order.path(number), recipe, memory)
            yield Measured(number, measure_all(volume, recipe.metrics, recipe.properties))
        except ReconError as error:
            yield Failed(number, error)
    progress("measure", total, total, "")


def _opened(path: Path, recipe: Recipe, memory: int | None) -> Volume | ChunkedVolume:
    """A sample to measure, in parts where it does not fit into the memory."""
    whole = fits(path) if memory is None else IN_MEMORY * prod(recipe.shape) <= memory
    return Volume.open(path) if whole else ChunkedVolume.open(path, memory)


def _sample(order: Order, number: int, progress: Progress) -> Made:
    """One sample, from where it stopped if it had begun."""
    recipe, folder, path = order.recipe, order.folder, order.path(number)
    name = f"{path.stem}.safetensors"
    start = folder.load_field(name, torch_device(recipe.device))
    begun = saved = time.monotonic()
    for state in sample_steps(recipe, sample=number, denoiser=order.denoiser, start=start):
        progress(f"reconstruct {path.name}", state.number, state.steps, "")
        due = time.monotonic() - saved > SAVE_EVERY and state.number < state.steps
        if due and isinstance(state.x, torch.Tensor):
            folder.save_field(name, state.number, state.x)
            saved = time.monotonic()
    done = start[0] if start else 0
    # As if all steps had been made now.
    seconds = (time.monotonic() - begun) * state.steps / (state.steps - done)
    return Made(number, state.volume, seconds, HERE, *surroundings(recipe.device))


def _in_slabs(order: Order, number: int, progress: Progress, thickness: int) -> Made:
    """The same with the fields on disk, in the folder of the unfinished run."""
    stem, recipe = order.path(number).stem, order.recipe
    fields = order.folder.state(f"{stem}.fields")
    remove(fields)
    slabs = OnDisk(fields, thickness, torch_device(recipe.device))
    kept = order.folder.state(f"{stem}.slabs")
    state, seconds = sampled(recipe, number, order.denoiser, slabs, kept, Processes(), progress)
    volume = StreamedVolume(recipe.shape, state.voxel_size, state.phases, state.labels)
    return Made(number, volume, seconds, HERE, *surroundings(recipe.device))
