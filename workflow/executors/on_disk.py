"""Slabs on disk: chunked zarr arrays, read and written one slab at a time."""

import contextlib
import itertools
import os
import shutil
import weakref
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from numpy.typing import NDArray
from torch import Tensor

from recon.core.errors import ReconError
from recon.core.sampling.slabs import Read, SlabField, Slabs, Stored
from recon.core.sampling.slabs.field import Shape

TYPES = {torch.float32: np.float32, torch.complex64: np.complex64}


class OnDisk(Slabs):
    """Fields in a folder, in slabs of a given thickness.

    Cubic chunks of that side make a slab along any axis whole chunks. Arrays are not compressed:
    they are noise for the most part.
    """

    def __init__(self, folder: Path, thickness: int, device: str = "cpu") -> None:
        self.folder, self.thickness, self.device = folder, thickness, device
        self._numbers: Iterator[int] = itertools.count()

    def bounds(self, side: int) -> list[tuple[int, int]]:
        return [(a, min(a + self.thickness, side)) for a in range(0, side, self.thickness)]

    def store(self, shape: Shape, dtype: torch.dtype, axis: int, make: Read) -> Stored:
        with self._explain_errors():
            return self._write(shape, dtype, axis, make)

    def allocate_labels(self, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
        """In a file of the folder, which goes when nobody holds the array."""
        path = self.folder / f"{next(self._numbers)}.labels"
        with self._explain_errors():
            with path.open("wb") as file:
                file.truncate(prod(shape))
                if hasattr(os, "posix_fallocate"):  # a full disk would kill the process later
                    os.posix_fallocate(file.fileno(), 0, prod(shape))
            array = np.memmap(path, np.uint8, "r+", shape=shape)
        weakref.finalize(array, path.unlink, missing_ok=True)
        return np.asarray(array)

    def _write(self, shape: Shape, dtype: torch.dtype, axis: int, make: Read) -> Stored:
        path = self.folder / f"{next(self._numbers)}.zarr"
        array = zarr.create_array(
            path,
            shape=shape,
            chunks=(shape[0], *(min(self.thickness, side) for side in shape[1:])),
            dtype=TYPES[dtype],
            compressors=None,
            config={"write_empty_chunks": True},
        )
        stored = OnDiskArray(path, array, self.device)
        for low, high in self.bounds(shape[axis + 1]):
            array[stored.place(axis, low, high)] = make(low, high).to("cpu").resolve_conj().numpy()
        return stored

    @contextlib.contextmanager
    def _explain_errors(self) -> Iterator[None]:
        """What goes wrong in the folder as a ReconError."""
        try:
            yield
        except OSError as error:
            raise ReconError(
                f"cannot write {self.folder}: {error.strerror or error}; make room there, then "
                "continue with resume=True"
            ) from error

    def ends(self, field: SlabField, wrap: bool) -> tuple[Tensor | None, Tensor | None]:
        side = field.shape[1]
        return (field.slab(side - 1, side), field.slab(0, 1)) if wrap else (None, None)


class OnDiskArray(Stored):
    """An array in the folder; it goes when nobody holds it."""

    def __init__(self, path: Path, array: Any, device: str) -> None:
        self.path, self.array, self.device = path, array, device
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)

    def along(self, axis: int) -> Read:
        def read(low: int, high: int) -> Tensor:
            values = np.asarray(self.array[self.place(axis, low, high)])
            # In memory that torch has aligned: MKL rounds differently by where its input lies.
            return torch.from_numpy(values).clone().to(self.device)

        return read

    @staticmethod
    def place(axis: int, low: int, high: int) -> tuple[slice, ...]:
        """Index of a slab of the array (C, Z, Y, X)."""
        return (slice(None),) * (axis + 1) + (slice(low, high),)
