"""The process group of one job under torchrun: its start, and what tells of its end.

Without torchrun there is one process, and nothing here starts anything.
"""

import contextlib
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import torch
import torch.distributed as dist

from recon.core.errors import ReconError
from recon.core.sampling.processes import Processes, world

PATIENCE = 1800.0
"""Seconds to wait for the others to start."""
_store: Any = None
"""torch's key-value store of the joined processes."""


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
            f"process {processes.rank} of {processes.size} lost contact to another: it was "
            "killed or its machine is down; with resume=True all continue from the last checkpoint"
        ) from error
    dist.destroy_process_group()
    _store = None


def choose_device(processes: Processes, device: str) -> str:
    """The device of this process; ReconError when there is none of this kind for it.

    device  "cpu", "cuda" or "mps"; of several processes each has a GPU of its own
    """
    if processes.size == 1 or device == "cpu":
        return device
    if device != "cuda":
        raise ReconError(
            f"several processes run on cpu or cuda only, got {processes.size} on {device}; "
            "take device=cpu or a single process"
        )
    gpus = torch.cuda.device_count()
    if processes.local_rank >= gpus:
        raise ReconError(
            f"each process needs a GPU of its own, this machine has {gpus} for more than "
            f"{processes.local_rank} processes; set --nproc-per-node {gpus} or device=cpu"
        )
    torch.cuda.set_device(processes.local_rank)
    return f"cuda:{processes.local_rank}"


def claim(what: str) -> bool:
    """True for the one process that asks first, at once and without waiting for others."""
    if _store is None:
        return True
    try:
        return int(_store.add(f"recon {what}", 1)) == 1
    except RuntimeError:  # the store went with its machine
        return True


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
