"""What a sampler computes with: a volume's field in one tensor, or in slabs."""

from typing import Protocol, Self

from torch import Tensor

Shape = tuple[int, int, int, int]
"""(C, Z, Y, X)"""


class Field(Protocol):
    """A field (C, Z, Y, X): a tensor, or a SlabField on disk or over processes.

    What is written with + - * / and the functions of core.sampling.slabs does for both, and
    computes the same in both. A plugin that does not say `in_slabs` is given tensors only.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, Z, Y, X)"""

    def __add__(self, other: Self | Tensor | float) -> Self: ...

    def __sub__(self, other: Self | Tensor | float) -> Self: ...

    def __mul__(self, other: Self | Tensor | float) -> Self: ...

    def __truediv__(self, other: Self | Tensor | float) -> Self: ...

    def __radd__(self, other: float) -> Self: ...

    def __rsub__(self, other: float) -> Self: ...

    def __rmul__(self, other: float) -> Self: ...
