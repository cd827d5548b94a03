"""Slabs that need no disk: whether a plugin gives the same in them as in a tensor."""

import torch
from torch import Tensor

from recon.core.sampling.slabs import Read, SlabField, Slabs, Stored
from recon.core.sampling.slabs.field import Shape


class InMemory(Slabs):
    """Slabs of a thickness, in the memory of this process."""

    def __init__(self, thickness: int) -> None:
        self.thickness = thickness

    def bounds(self, side: int) -> list[tuple[int, int]]:
        return [(low, min(low + self.thickness, side)) for low in range(0, side, self.thickness)]

    def store(self, shape: Shape, dtype: torch.dtype, axis: int, make: Read) -> Stored:
        parts = [make(low, high).to(dtype) for low, high in self.bounds(shape[axis + 1])]
        return InMemoryArray(torch.cat(parts, axis + 1))

    def ends(self, field: SlabField, wrap: bool) -> tuple[Tensor | None, Tensor | None]:
        side = field.shape[1]
        return (field.slab(side - 1, side), field.slab(0, 1)) if wrap else (None, None)


class InMemoryArray(Stored):
    """What InMemory keeps."""

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def along(self, axis: int) -> Read:
        return lambda low, high: self.values.narrow(axis + 1, low, high - low).clone()
