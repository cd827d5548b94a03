"""Each sample over all processes of torchrun: the first leads a run, the others follow."""

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import attrs
import torch.distributed as dist

from recon.core.errors import ReconError
from recon.core.kinds import Denoiser
from recon.core.recipe import Recipe
from recon.core.sampler import State, fitted, refuse_slabs, torch_device
from recon.core.sampling.processes import Processes
from recon.core.storage import ome_zarr
from recon.core.storage.streamed import StreamedVolume
from recon.workflow.executors import Failed, Made, Order, Progress, Result
from recon.workflow.executors.in_slabs import sampled
from recon.workflow.executors.local import measurements
from recon.workflow.executors.sharded import Sharded
from recon.workflow.provenance import surroundings


@attrs.frozen
class Distributed:
    """Samples one after the other, each in as many slabs as there are processes.

    memory  bytes that the first process may take to measure
    """

    processes: Processes
    memory: int | None = None

    def check(self, recipe: Recipe) -> None:
        """Refuse what works in one process only."""
        self.processes.device(torch_device(recipe.device))
        Sharded(self.processes).bounds(min(recipe.shape))
        if recipe.weights is None and recipe.micrographs is not None:
            raise ReconError(
                "several processes do not train in a run; use `recon train` first, with torchrun "
                "too, and give its file with --weights"
            )
        refuse_slabs(recipe)

    def prepare(self, recipe: Recipe, denoiser: Denoiser, folder: Path) -> None:
        """Each worker and process has a memory of its own."""

    def results(self, order: Order, progress: Progress) -> Generator[Result, None, None]:
        """All samples are reconstructed, then the first process measures them."""
        failed = set()
        for number in order.unmade():
            try:
                yield self._made(order, number, progress)
            except ReconError as error:
                failed.add(number)
                yield Failed(number, error)
        self.dismiss()
        yield from measurements(order, failed, progress, self.memory)

    def dismiss(self) -> None:
        """Let the others go; after an error torchrun ends them."""
        dist.broadcast_object_list([None])

    def _made(self, order: Order, number: int, progress: Progress) -> Made:
        kept = order.folder.state(f"{order.path(number).stem}.slabs")
        tell("sample", order.recipe.to_table(), number, str(kept.absolute()))
        slabs = Sharded(self.processes)
        state, seconds = sampled(
            order.recipe, number, order.denoiser, slabs, kept, self.processes, progress
        )
        volume = StreamedVolume(
            order.recipe.shape,
            state.voxel_size,
            state.phases,
            lambda: written(state, self.processes),
            before=lambda path: tell("write", str(path.absolute())),
            after=dist.barrier,
        )
        where = f"{self.processes.size} processes"
        return Made(number, volume, seconds, where, *surroundings(order.recipe.device))


def follow(processes: Processes) -> None:
    """Do the part of a process that is not the first, until the samples are made."""
    denoiser, state = None, None
    while (message := heard()) is not None:
        match message:
            case ("sample", table, number, kept):
                recipe = Recipe.from_table(table)
                processes.device(torch_device(recipe.device))
                denoiser = denoiser or fitted(recipe)
                slabs = Sharded(processes)
                with contextlib.suppress(ReconError):  # all have the same, and the first tells it
                    state, _ = sampled(
                        recipe, number, denoiser, slabs, Path(kept), processes, _silent
                    )
            case ("write", path):
                assert state is not None
                ome_zarr.put(Path(path), written(state, processes))
                dist.barrier()


def _silent(what: str, done: int, total: int, word: str) -> None:
    pass


def tell(*message: Any) -> None:
    """Say to the others what to do next."""
    dist.broadcast_object_list([message])


def heard() -> Any:
    """What the first process says."""
    said: list[Any] = [None]
    dist.broadcast_object_list(said)
    return said[0]


def written(state: State, processes: Processes) -> Iterator[tuple[int, Any]]:
    """The labels that this process writes: its own, or all by the first where slabs share chunks
    of the file."""
    slabs = Sharded(processes)
    own = list(state.labels())
    if state.x.shape[1] >= slabs.align * processes.size:
        return iter(own)
    parts = [part for each in slabs.all_gather(own) for part in each]
    return iter(sorted(parts, key=lambda part: part[0]) if processes.first else ())
