"""A field in slabs along z: an expression that is evaluated slab by slab.

What is written for tensors with + - * / and the functions below does for fields too, so that one
sampler serves volumes in memory, on disk and over processes, and computes the same in all.
"""

import operator
from collections.abc import Callable, Iterator
from math import prod
from typing import TypeVar

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.sampling.slabs.slabs import Read, Shape, Slabs, Stored


class Field:
    """An expression over fields (C, Z, Y, X); reading a slab computes it."""

    def __init__(
        self, slabs: Slabs, shape: Shape, read: Read, stored: Stored | None = None
    ) -> None:
        self.slabs, self.shape = slabs, shape
        self.stored = stored
        self._read = read

    def slab(self, low: int, high: int) -> Tensor:
        """Its planes from one place to another (exclusive) along z."""
        return self._read(low, high)

    def materialize(self) -> "Field":
        """Compute it once and keep it; this also lets go of what it was made from."""
        if self.stored is None:
            self.stored = self.slabs.store(self.shape, torch.float32, 0, self._read)
            self._read = self.stored.along(0)
        return self

    def along(self, axis: int) -> Read:
        """Its slabs along an axis; materializes it first."""
        self.materialize()
        assert self.stored is not None
        return self.stored.along(axis)

    def with_(self, operation: Callable[..., Tensor], other: object, swap: bool = False) -> "Field":
        """An expression of this field and another, or a number or tensor that goes with slabs."""

        def read(low: int, high: int) -> Tensor:
            one = self.slab(low, high)
            two = other.slab(low, high) if isinstance(other, Field) else other
            return operation(two, one) if swap else operation(one, two)

        return Field(self.slabs, self.shape, read)

    def __add__(self, other: object) -> "Field":
        return self.with_(operator.add, other)

    def __sub__(self, other: object) -> "Field":
        return self.with_(operator.sub, other)

    def __mul__(self, other: object) -> "Field":
        return self.with_(operator.mul, other)

    def __truediv__(self, other: object) -> "Field":
        return self.with_(operator.truediv, other)

    def __radd__(self, other: object) -> "Field":
        return self.with_(operator.add, other, swap=True)

    def __rsub__(self, other: object) -> "Field":
        return self.with_(operator.sub, other, swap=True)

    def __rmul__(self, other: object) -> "Field":
        return self.with_(operator.mul, other, swap=True)


AnyField = Tensor | Field
V = TypeVar("V")
F = TypeVar("F", Tensor, Field)
"""A tensor stays a tensor, and a field a field."""


@attrs.frozen(eq=False)
class Part:
    """A slab with the planes beside it.

    low     place of the first own plane along z
    planes  (C, n, Y, X): the slab and, where there are any, a plane before and one after
    own     which of the planes are the slab's
    """

    low: int
    planes: Tensor
    own: slice


def mapped(function: Callable[[Tensor], Tensor], field: F) -> F:
    """A function of voxels, of every slab."""
    if isinstance(field, Tensor):
        return function(field)
    return Field(field.slabs, field.shape, lambda low, high: function(field.slab(low, high)))


def materialize(field: F) -> F:
    """The field, computed once if it is read more than once."""
    return field if isinstance(field, Tensor) else field.materialize()


def slabs_of(field: AnyField) -> Iterator[tuple[int, Tensor]]:
    """The slabs of this process and where they begin."""
    if isinstance(field, Tensor):
        yield 0, field
        return
    for low, high in field.slabs.bounds(field.shape[1]):
        yield low, field.slab(low, high)


def summed(function: Callable[[Tensor], Tensor], field: AnyField) -> Tensor:
    """The sum over all slabs of what a function makes of them."""
    if isinstance(field, Tensor):
        return function(field)
    bounds = field.slabs.bounds(field.shape[1])
    found = torch.stack([function(field.slab(low, high)) for low, high in bounds])
    return field.slabs.total(found.sum(0))


def thinned(field: F, stride: int) -> F:
    """One voxel in `stride` along each axis, kept in memory."""
    if isinstance(field, Tensor):
        return field[:, ::stride, ::stride, ::stride]
    kept = {}
    for low, high in field.slabs.bounds(field.shape[1]):
        part = field.slab(low, high)
        kept[low, high] = part[:, -low % stride :: stride, ::stride, ::stride].clone()
    return Field(field.slabs, field.shape, lambda low, high: kept[low, high])


def mean_of(field: AnyField) -> Tensor:
    """Mean of each channel (C, 1, 1, 1), summed plane by plane."""
    if isinstance(field, Tensor):
        planes = field.sum((2, 3), dtype=torch.float64)
    else:
        bounds = field.slabs.bounds(field.shape[1])
        own = [field.slab(*place).sum((2, 3), dtype=torch.float64).cpu() for place in bounds]
        planes = torch.cat(field.slabs.gathered(torch.cat(own, 1)), 1)
    return (planes.mean(1) / prod(field.shape[2:])).float().view(-1, 1, 1, 1)


def bordered(field: AnyField, wrap: bool) -> Iterator[Part]:
    """The slabs with the planes beside them; `wrap`: the volume goes on at the other end of z."""
    if isinstance(field, Tensor):
        last, first = (field[:, -1:], field[:, :1]) if wrap else (None, None)
        yield _part(0, last, field, first)
        return
    bounds = field.slabs.bounds(field.shape[1])
    before, end = field.slabs.ends(field, wrap)
    current = field.slab(*bounds[0])
    for number, (low, _) in enumerate(bounds):
        following = field.slab(*bounds[number + 1]) if number + 1 < len(bounds) else None
        after = end if following is None else following[:, :1]
        yield _part(low, before, current, after)
        if following is not None:
            before, current = current[:, -1:].clone(), following


def label_room(field: AnyField) -> NDArray[np.uint8]:
    """Room for the phases (Z, Y, X) of the whole field, on disk where the field is."""
    _, z, y, x = field.shape
    if isinstance(field, Tensor):
        return np.empty((z, y, x), np.uint8)
    return field.slabs.labels((z, y, x))


def gathered(field: AnyField, value: V) -> list[V]:
    """A value from each process that holds a part of the field."""
    return [value] if isinstance(field, Tensor) else field.slabs.gathered(value)


def total(field: AnyField, value: Tensor) -> Tensor:
    """The sum of a value over the processes that hold a part of the field."""
    return value if isinstance(field, Tensor) else field.slabs.total(value)


def _part(low: int, before: Tensor | None, slab: Tensor, after: Tensor | None) -> Part:
    beside = [piece for piece in (before, slab, after) if piece is not None]
    first = 0 if before is None else 1
    planes = torch.cat(beside, 1) if len(beside) > 1 else slab
    return Part(low, planes, slice(first, first + slab.shape[1]))
