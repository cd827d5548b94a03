"""The field of an unfinished sample in slabs: kept in a folder, read by any number of processes."""

import json
from math import prod
from pathlib import Path

import torch
import torch.distributed as dist
import zarr

from recon.core.errors import ReconError
from recon.core.sampling.processes import Processes
from recon.core.sampling.slabs import SlabField, Slabs, iterate_slabs
from recon.core.storage.atomic import atomic_output, remove

NOTE = "latest.json"


def save(folder: Path, done: int, field: SlabField, processes: Processes) -> None:
    """Keep the field after some steps, in place of an earlier one; all processes must call it.

    Every plane along z is a chunk, so that each process writes its own.
    """
    try:
        _save(folder, done, field, processes)
    except OSError as error:
        raise ReconError(
            f"cannot write {folder}: {error.strerror or error}; make room there, then "
            "continue with resume=True"
        ) from error


def _save(folder: Path, done: int, field: SlabField, processes: Processes) -> None:
    path = folder / f"after-{done}.zarr"
    channels, depth, *plane = field.shape
    if processes.first:
        remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        zarr.create_array(
            path,
            shape=field.shape,
            chunks=(channels, 1, *plane),
            dtype="float32",
            compressors=None,
        )
    _wait(processes)
    array = zarr.open_array(path, mode="r+")
    for low, part in iterate_slabs(field):
        array[:, low : low + part.shape[1]] = part.cpu().numpy()
    _wait(processes)
    if processes.first:
        with atomic_output(folder / NOTE, replace=True) as partial:
            partial.write_text(json.dumps({"done": done, "field": path.name}))
        for other in folder.glob("after-*.zarr"):
            if other != path:
                remove(other)


def load(folder: Path, slabs: Slabs, device: str) -> tuple[int, SlabField] | None:
    """The field kept last and after how many steps; None when there is none."""
    note = folder / NOTE
    if not note.exists():
        return None
    try:
        latest = json.loads(note.read_text())
        array = zarr.open_array(folder / latest["field"], mode="r")
        done = int(latest["done"])
        c, z, y, x = array.shape
        complete = array.nchunks_initialized == prod(array.cdata_shape)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ReconError(f"{folder} is damaged: {error}; remove it to start over") from None
    if not complete:
        raise ReconError(f"{folder} is damaged: planes are missing; remove it to start over")

    def read(low: int, high: int) -> torch.Tensor:
        return torch.from_numpy(array[:, low:high]).clone().to(device)

    return done, SlabField(slabs, (c, z, y, x), read).materialize()


def _wait(processes: Processes) -> None:
    if processes.size > 1:
        dist.barrier()
