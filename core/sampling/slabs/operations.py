"""Functions of fields that + - * / do not give, the same for tensors and for slabs."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.sampling.slabs.field import Field
from recon.core.sampling.slabs.slab_field import SlabField

V = TypeVar("V")
F = TypeVar("F", Tensor, SlabField, Field)
"""A tensor stays a tensor, and slabs stay slabs."""


@attrs.frozen(eq=False)
class SlabWithNeighbours:
    """A slab with the planes beside it.

    low     place of the first own plane along z
    planes  (C, n, Y, X): the slab and, where there are any, a plane before and one after
    own     which of the planes are the slab's
    """

    low: int
    planes: Tensor
    own: slice


def as_slabs(field: Field) -> SlabField:
    """A field that is no tensor; TypeError when it is not in slabs either."""
    if not isinstance(field, SlabField):
        raise TypeError(f"a field must be a tensor or in slabs, got {type(field).__name__}")
    return field


def as_tensor(field: Field) -> Tensor:
    """A field in the memory of one process; TypeError when it is not."""
    if not isinstance(field, Tensor):
        raise TypeError(f"a field must be a tensor here, got {type(field).__name__}")
    return field


def map_slabs(function: Callable[[Tensor], Tensor], field: F) -> F:
    """A function of voxels, of every slab."""
    return map_placed_slabs(lambda slab, low: function(slab), field)


def map_placed_slabs(function: Callable[[Tensor, int], Tensor], field: F) -> F:
    """A function of every slab and of the place of its first plane along z."""
    if isinstance(field, Tensor):
        return function(field, 0)
    slabs = as_slabs(field)
    return SlabField(
        slabs.slabs, slabs.shape, lambda low, high: function(slabs.slab(low, high), low)
    )


def materialize(field: F) -> F:
    """The field, computed once if it is read more than once."""
    return field if isinstance(field, Tensor) else as_slabs(field).materialize()


def iterate_slabs(field: Field) -> Iterator[tuple[int, Tensor]]:
    """The slabs of this process and where they begin."""
    if isinstance(field, Tensor):
        yield 0, field
        return
    slabs = as_slabs(field)
    for low, high in slabs.slabs.bounds(slabs.shape[1]):
        yield low, slabs.slab(low, high)


def iterate_with_neighbours(field: Field, wrap: bool) -> Iterator[SlabWithNeighbours]:
    """The slabs with the planes beside them; `wrap`: the volume goes on at the other end of z."""
    if isinstance(field, Tensor):
        last, first = (field[:, -1:], field[:, :1]) if wrap else (None, None)
        yield _attach(0, last, field, first)
        return
    slabs = as_slabs(field)
    bounds = slabs.slabs.bounds(slabs.shape[1])
    before, end = slabs.slabs.ends(slabs, wrap)
    current = slabs.slab(*bounds[0])
    for number, (low, _) in enumerate(bounds):
        following = slabs.slab(*bounds[number + 1]) if number + 1 < len(bounds) else None
        after = end if following is None else following[:, :1]
        yield _attach(low, before, current, after)
        if following is not None:
            before, current = current[:, -1:].clone(), following


def allocate_labels(field: Field) -> NDArray[np.uint8]:
    """Room for the phases (Z, Y, X) of the whole field, on disk where the field is."""
    _, z, y, x = field.shape
    if isinstance(field, Tensor):
        return np.empty((z, y, x), np.uint8)
    return as_slabs(field).slabs.allocate_labels((z, y, x))


def all_gather(field: Field, value: V) -> list[V]:
    """A value from each process that holds a part of the field."""
    return [value] if isinstance(field, Tensor) else as_slabs(field).slabs.all_gather(value)


def all_reduce_sum(field: Field, value: Tensor) -> Tensor:
    """The sum of a value over the processes that hold a part of the field."""
    return value if isinstance(field, Tensor) else as_slabs(field).slabs.all_reduce_sum(value)


def _attach(
    low: int, before: Tensor | None, slab: Tensor, after: Tensor | None
) -> SlabWithNeighbours:
    beside = [part for part in (before, slab, after) if part is not None]
    first = 0 if before is None else 1
    planes = torch.cat(beside, 1) if len(beside) > 1 else slab
    return SlabWithNeighbours(low, planes, slice(first, first + slab.shape[1]))
