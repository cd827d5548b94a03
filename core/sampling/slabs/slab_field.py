"""A field in slabs along z: an expression that is evaluated slab by slab."""

import operator
from collections.abc import Callable

import torch
from torch import Tensor

from recon.core.sampling.slabs.field import Shape
from recon.core.sampling.slabs.slabs import Read, Slabs, Stored


class SlabField:
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

    def materialize(self) -> "SlabField":
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

    def combine(
        self, operation: Callable[..., Tensor], other: object, swap: bool = False
    ) -> "SlabField":
        """An expression of this field and another, or a number or tensor that goes with slabs."""

        def read(low: int, high: int) -> Tensor:
            one = self.slab(low, high)
            two = other.slab(low, high) if isinstance(other, SlabField) else other
            return operation(two, one) if swap else operation(one, two)

        return SlabField(self.slabs, self.shape, read)

    def __add__(self, other: object) -> "SlabField":
        return self.combine(operator.add, other)

    def __sub__(self, other: object) -> "SlabField":
        return self.combine(operator.sub, other)

    def __mul__(self, other: object) -> "SlabField":
        return self.combine(operator.mul, other)

    def __truediv__(self, other: object) -> "SlabField":
        return self.combine(operator.truediv, other)

    def __radd__(self, other: object) -> "SlabField":
        return self.combine(operator.add, other, swap=True)

    def __rsub__(self, other: object) -> "SlabField":
        return self.combine(operator.sub, other, swap=True)

    def __rmul__(self, other: object) -> "SlabField":
        return self.combine(operator.mul, other, swap=True)
