"""Slabs over processes: each holds one, and changing the axis is an all-to-all."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from recon.core.errors import ReconError
from recon.core.sampling.processes import Processes
from recon.core.sampling.slabs import Read, SlabField, Slabs, Stored
from recon.core.sampling.slabs.field import Shape


class Sharded(Slabs):
    """One slab a process, in the memory of its device.

    Slabs are whole chunks (of 64) of the written volume where there are enough, so that every
    process writes its own.
    """

    def __init__(self, processes: Processes, align: int = 64) -> None:
        self.processes, self.align = processes, align

    def bounds(self, side: int) -> list[tuple[int, int]]:
        return [self.bounds_of(side, self.processes.rank)]

    def bounds_of(self, side: int, rank: int) -> tuple[int, int]:
        """The slab of a process."""
        size = self.processes.size
        if side < size:
            raise ReconError(
                f"a volume of {side} voxels along an axis cannot be split over {size} processes; "
                "start fewer or make a larger shape="
            )
        unit = self.align if side >= self.align * size else 1
        units = -(-side // unit)
        low, high = (units * n // size * unit for n in (rank, rank + 1))
        return low, min(high, side)

    def store(self, shape: Shape, dtype: torch.dtype, axis: int, make: Read) -> Stored:
        ((low, high),) = self.bounds(shape[axis + 1])
        return Shard(self, shape, axis, make(low, high))

    def ends(self, field: SlabField, wrap: bool) -> tuple[Tensor | None, Tensor | None]:
        rank, size = self.processes.rank, self.processes.size
        own = field.slab(*self.bounds(field.shape[1])[0])
        first, last = own[:, :1].contiguous(), own[:, -1:].contiguous()
        before, after = torch.empty_like(last), torch.empty_like(first)
        up, down = (rank + 1) % size, (rank - 1) % size
        # Two passes, each all the way round: with two processes both neighbours are the same one.
        for out, into, to, source in ((last, before, up, down), (first, after, down, up)):
            work = [dist.P2POp(dist.isend, out, to), dist.P2POp(dist.irecv, into, source)]
            for request in dist.batch_isend_irecv(work):
                request.wait()
        at_start, at_end = rank == 0 and not wrap, rank == size - 1 and not wrap
        return None if at_start else before, None if at_end else after

    def all_reduce_sum(self, value: Tensor) -> Tensor:
        value = value.clone()
        dist.all_reduce(value)
        return value

    def all_gather(self, value: Any) -> list[Any]:
        values: list[Any] = [None] * self.processes.size
        dist.all_gather_object(values, value)
        return values


class Shard(Stored):
    """The part of a field that this process holds."""

    def __init__(self, slabs: Sharded, shape: Shape, axis: int, values: Tensor) -> None:
        self.slabs, self.shape, self.axis, self.values = slabs, shape, axis, values

    def along(self, axis: int) -> Read:
        values = self.values if axis == self.axis else self._transpose(axis)
        ((first, _),) = self.slabs.bounds(self.shape[axis + 1])

        def read(low: int, high: int) -> Tensor:
            return values.narrow(axis + 1, low - first, high - low)

        return read

    def _transpose(self, axis: int) -> Tensor:
        """The slab along another axis: every process sends to each what it is to have."""
        size, shape = self.slabs.processes.size, list(self.shape)
        out = [self.slabs.bounds_of(shape[axis + 1], rank) for rank in range(size)]
        into = [self.slabs.bounds_of(shape[self.axis + 1], rank) for rank in range(size)]
        low, high = out[self.slabs.processes.rank]
        shares = [self.values.narrow(axis + 1, a, b - a) for a, b in out]
        sent = torch.cat([share.reshape(-1) for share in shares])
        shape[axis + 1] = high - low
        sizes = []
        for a, b in into:
            shape[self.axis + 1] = b - a
            sizes.append(torch.Size(shape))
        received = sent.new_empty(sum(part.numel() for part in sizes))
        dist.all_to_all_single(
            _view_as_real(received),
            _view_as_real(sent),
            [part.numel() * _count_words(sent) for part in sizes],
            [share.numel() * _count_words(sent) for share in shares],
        )
        parts = torch.split(received, [part.numel() for part in sizes])
        return torch.cat([p.view(s) for p, s in zip(parts, sizes, strict=True)], self.axis + 1)


def _view_as_real(values: Tensor) -> Tensor:
    """The same numbers as reals; gloo knows no complex ones."""
    return torch.view_as_real(values).view(-1) if values.is_complex() else values


def _count_words(values: Tensor) -> int:
    return 2 if values.is_complex() else 1
