"""How a field is cut into slabs, where they are kept, and what processes must tell each other."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.sampling.slabs.field import Shape

if TYPE_CHECKING:
    from recon.core.sampling.slabs.slab_field import SlabField

Read = Callable[[int, int], Tensor]
"""The slab (C, ...) from a first to a last (exclusive) place along some axis."""
V = TypeVar("V")


class Stored(ABC):
    """A field kept in slabs along one axis; it is gone when nobody holds it any more."""

    @abstractmethod
    def along(self, axis: int) -> Read:
        """Its slabs along an axis (0 = z, 1 = y, 2 = x); over processes a transposition, which
        all of them must ask for."""


class Slabs(ABC):
    """A way to split the work on a volume; axes are 0 = z, 1 = y, 2 = x."""

    @abstractmethod
    def bounds(self, side: int) -> list[tuple[int, int]]:
        """First and last (exclusive) place of the slabs that this process works on, in order."""

    @abstractmethod
    def store(self, shape: Shape, dtype: torch.dtype, axis: int, make: Read) -> Stored:
        """Make all slabs of this process along an axis and keep them."""

    @abstractmethod
    def ends(self, field: "SlabField", wrap: bool) -> tuple[Tensor | None, Tensor | None]:
        """The planes before the first and after the last slab of this process, None at a border.

        wrap  whether the volume goes on at the other end
        """

    def allocate_labels(self, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
        """Room for the phases of a whole volume (Z, Y, X), in every process."""
        return np.empty(shape, np.uint8)

    def all_reduce_sum(self, value: Tensor) -> Tensor:
        """Sum over the processes."""
        return value

    def all_gather(self, value: V) -> list[V]:
        """One value from each process, in the order of their slabs."""
        return [value]
