"""The processes of one job under torchrun, and their process group.

Without torchrun there is one process, and nothing here starts anything.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import attrs
import torch
import torch.distributed as dist
from torch import Tensor

from recon.core.errors import ReconError

PATIENCE = 1800.0
"""Seconds to wait for the others to start."""
_store: Any = None
"""torch's key-value store of the joined processes."""


@attrs.frozen
class Processes:
    """This process among those of the job.

    rank  0..size - 1; local_rank  among those of this machine
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files and speaks to the user."""
        return self.rank == 0

    def device(self, device: str) -> str:
        """The device of this process; ReconError when there is none of this kind for it.

        device  "cpu", "cuda" or "mps"; of several processes each has a GPU of its own
        """
        if self.size == 1 or device == "cpu":
            return device
        if device != "cuda":
            raise ReconError(
                f"several processes run on cpu or cuda only, got {self.size} on {device}; "
                "take device=cpu or a single process"
            )
        gpus = torch.cuda.device_count()
        if self.local_rank >= gpus:
            raise ReconError(
                f"each process needs a GPU of its own, this machine has {gpus} for more than "
                f"{self.local_rank} processes; set --nproc-per-node {gpus} or device=cpu"
            )
        torch.cuda.set_device(self.local_rank)
        return f"cuda:{self.local_rank}"

    def rows(self, count: int) -> slice:
        """This process's contiguous share of `count` rows; shares differ by one at most."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def all_reduce_sum(self, value: Tensor) -> Tensor:
        """Sum over the processes, bit for bit the same on each; all must call it."""
        if self.size == 1:
            return value
        value = value.detach().clone()
        dist.all_reduce(value)
        return value

    def agree(self, facts: dict[str, object]) -> None:
        """ReconError unless all processes give equal values; all must call it."""
        if self.size == 1:
            return
        each: list[dict[str, object]] = [{}] * self.size
        dist.all_gather_object(each, facts)
        for rank, other in enumerate(each):
            for name, value in each[0].items():
                if other[name] != value:
                    raise ReconError(
                        f"all processes must have the same {name}, got {value} on process 0 and "
                        f"{other[name]} on process {rank}; keep the files where all see them"
                    )

    def claim(self, what: str) -> bool:
        """True for the one process that asks first, at once and without waiting for others."""
        if self.size == 1 or _store is None:
            return True
        try:
            return int(_store.add(f"recon {what}", 1)) == 1
        except RuntimeError:  # the store went with its machine
            return True


def world() -> Processes:
    """This process as torchrun's environment describes it, whether or not it has joined."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or "RANK" not in os.environ:
        return Processes()
    rank = int(os.environ["RANK"])
    return Processes(rank, size, int(os.environ.get("LOCAL_RANK", str(rank))))


@contextlib.contextmanager
def join_processes() -> Iterator[Processes]:
    """The process group while the block lasts; nothing to start for one process or inside another.

    Tensors on the CPU go by gloo, those on a GPU by nccl. That another process is gone is a
    ReconError; after an error the group is left as it is, because to close it might wait forever.
    """
    global _store
    processes = world()
    if processes.size == 1 or (dist.is_available() and dist.is_initialized()):
        yield processes
        return
    _store = _start(processes)
    try:
        yield processes
    except RuntimeError as error:
        if not _is_loss(error):
            raise
        raise ReconError(
            f"process {processes.rank} of {processes.size} lost another one: it was killed or "
            "its machine is gone; with resume=True all go on from the last checkpoint"
        ) from error
    dist.destroy_process_group()
    _store = None


def _start(processes: Processes) -> Any:
    """Start the process group and return the store that its processes share."""
    if not dist.is_available():
        raise ReconError("this PyTorch is built without torch.distributed; start without torchrun")
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    gpus = torch.cuda.is_available() and dist.is_nccl_available()
    backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
    try:
        store, rank, size = next(rendezvous("env://"))
        store.set_timeout(timedelta(seconds=PATIENCE))
        store = PrefixStore(_fresh(store, rank, size), store)
        dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    except (ValueError, RuntimeError) as error:
        raise ReconError(
            f"process {processes.rank} of {processes.size} cannot join the others: "
            f"{str(error).splitlines()[0]}; start them with torchrun"
        ) from error
    return store


def _fresh(store: Any, rank: int, size: int) -> str:
    """A prefix for keys that all processes of this start share and no earlier start had.

    torchrun starts anew on the store of the processes that died (seen with PyTorch 2.13), and
    who reads their addresses there before they are overwritten never finds the others.
    """
    mine = uuid4().hex
    if rank == 0:
        store.set("recon start", mine)
        answers = [store.get(f"{mine} {other}").decode() for other in range(1, size)]
        store.set(f"{mine} all", " ".join(answers))
        return mine
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        start: str = store.get("recon start").decode()  # perhaps of an earlier start
        store.set(f"{start} {rank}", mine)
        if store.check([f"{start} all"]) and mine in store.get(f"{start} all").decode():
            return start
        time.sleep(0.02)
    raise RuntimeError("process 0 does not answer")


def _is_loss(error: RuntimeError) -> bool:
    """Whether it says that the connection to another process broke; gloo has no class for it."""
    if isinstance(error, dist.DistError):
        return True
    text = str(error).lower()
    return "gloo" in text or "connection closed by peer" in text or "connection reset" in text
