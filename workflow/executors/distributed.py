"""Each sample over all processes of torchrun: the first leads a run, the others follow."""

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import torch.distributed as dist

from recon.core.errors import ReconError
from recon.core.job import Job, resolve
from recon.core.recipe import Recipe
from recon.core.sampler import State, refuse_slabs
from recon.core.sampling.device import resolve_device
from recon.core.sampling.processes import Processes
from recon.core.storage import ome_zarr
from recon.workflow.executors import Order, Progress, Sample, Sink
from recon.workflow.executors.in_slabs import sample_in_slabs
from recon.workflow.executors.local import make_all, measure_samples
from recon.workflow.executors.process_group import choose_device
from recon.workflow.executors.sharded import Sharded
from recon.workflow.executors.streamed import StreamedVolume
from recon.workflow.provenance import describe_machine


@attrs.frozen
class Distributed:
    """Samples one after the other, each in as many slabs as there are processes.

    memory  bytes that the first process may take to measure
    """

    processes: Processes
    memory: int | None = None

    def check(self, recipe: Recipe) -> None:
        """Refuse what works in one process only."""
        choose_device(self.processes, resolve_device(recipe.device))
        Sharded(self.processes).bounds(min(recipe.shape))
        if recipe.weights is None and recipe.micrographs is not None:
            raise ReconError(
                "several processes do not train in a run; use `recon train` first, with torchrun "
                "too, and give its file in weights="
            )
        refuse_slabs(recipe)

    def prepare(self, job: Job, folder: Path) -> None:
        """Nothing: each process has a memory of its own."""

    def execute(self, order: Order, sink: Sink, progress: Progress) -> None:
        """All samples are reconstructed, then the first process measures them."""
        failed = make_all(order, sink, partial(self._make, order, progress))
        self.dismiss()
        measure_samples(order, sink, progress, self.memory, failed)

    def dismiss(self) -> None:
        """Let the others go; after an error torchrun ends them."""
        dist.broadcast_object_list([None])

    def _make(self, order: Order, progress: Progress, number: int) -> Sample:
        job, unfinished = order.job, order.state(number, "slabs")
        tell("sample", job.recipe.to_table(), number, str(unfinished.absolute()))
        slabs = Sharded(self.processes)
        state, seconds = sample_in_slabs(job, number, slabs, unfinished, self.processes, progress)
        volume = StreamedVolume(
            job.recipe.shape,
            state.denoiser.voxel_size,
            state.phases,
            lambda: share_labels(state, self.processes),
            before=lambda path: tell("write", str(path.absolute())),
            after=dist.barrier,
        )
        where = f"{self.processes.size} processes"
        return Sample(number, volume, seconds, where, *describe_machine(job.device))


def follow(processes: Processes) -> None:
    """Do the part of a process that is not the first, until the samples are made."""
    job, state = None, None
    while (message := hear()) is not None:
        match message:
            case ("sample", table, number, unfinished):
                if job is None:  # it is the same for all samples
                    recipe = Recipe.from_table(table)
                    choose_device(processes, resolve_device(recipe.device))
                    job = resolve(recipe)
                slabs, path = Sharded(processes), Path(unfinished)
                with contextlib.suppress(ReconError):  # all have the same, and the first tells it
                    state, _ = sample_in_slabs(job, number, slabs, path, processes, _ignore)
            case ("write", path):
                assert state is not None
                ome_zarr.put(Path(path), share_labels(state, processes))
                dist.barrier()


def _ignore(what: str, done: int, total: int, word: str) -> None:
    pass


def tell(*message: Any) -> None:
    """Say to the others what to do next."""
    dist.broadcast_object_list([message])


def hear() -> Any:
    """What the first process says."""
    message: list[Any] = [None]
    dist.broadcast_object_list(message)
    return message[0]


def share_labels(state: State, processes: Processes) -> Iterator[tuple[int, Any]]:
    """The labels that this process writes: its own, or all by the first where slabs share chunks
    of the file."""
    slabs = Sharded(processes)
    own = list(state.labels())
    if state.x.shape[1] >= slabs.align * processes.size:
        return iter(own)
    parts = [part for each in slabs.all_gather(own) for part in each]
    return iter(sorted(parts, key=lambda part: part[0]) if processes.first else ())
