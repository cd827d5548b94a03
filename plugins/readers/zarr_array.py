"""An array in zarr that may come from anywhere, read in parts."""

import math
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import zarr
from numpy.typing import NDArray

from recon.core.errors import ReconError, shown
from recon.core.storage.budget import format_memory, measure_available
from recon.core.storage.limits import VOLUME
from recon.core.storage.memory import is_out_of_memory
from recon.core.storage.zarr_store import LOST, damage_error


@attrs.frozen(eq=False)
class Source:
    """An array on disk, read in parts; ReconError where it is damaged.

    what  it is, for messages
    """

    path: Path
    array: "zarr.Array[Any]"
    what: str = "volume"

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.array, zarr.Array):
            raise damage_error(self.what, self.path, "it lacks an array")
        if self.dtype.kind not in "biufc":
            raise ReconError(
                f"{self.what} {self.path} must hold numbers, got {self.array.dtype}; save integers"
            )
        stored = self.array.metadata.to_dict()
        codecs = [stored.get(key) for key in ("codecs", "compressor", "filters")]
        if "pickle" in repr(codecs).lower():
            raise ReconError(
                f"{self.what} {self.path} holds pickled Python objects, which could run any "
                "program; save it with another codec"
            )
        remedy = "crop it"
        for shape in (self.shape, self.chunks):
            VOLUME.check(
                math.prod(shape), f"{self.what} {self.path} of shape {shown(shape)}", remedy
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return self.array.shape

    @property
    def chunks(self) -> tuple[int, ...]:
        """Voxels along each axis of what is read at once at least."""
        return self.array.chunks

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values as stored."""
        return np.dtype(self.array.dtype)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.array.ndim

    def __getitem__(self, where: Any) -> NDArray[Any]:
        """The part asked for; of all of it, ReconError when there is not the memory for it."""
        left = measure_available() if where is ... else None
        if left is not None and self._bytes() > left:
            raise self._too_large()
        try:
            values = np.asarray(self.array[where])
        except MemoryError:
            if self._bytes() > (measure_available() or 0):
                raise self._too_large() from None
            raise damage_error(
                self.what, self.path, "a chunk claims to be larger than it is"
            ) from None
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise damage_error(self.what, self.path, error) from error
        lost = self.array.fill_value == LOST and values.dtype == np.uint8
        if lost and values.size and values.max() == LOST:
            raise damage_error(self.what, self.path, "a chunk of it is missing")
        return values

    def _bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def _too_large(self) -> ReconError:
        return ReconError(
            f"{self.what} {self.path} of shape {shown(self.shape)} does not fit into memory, it "
            f"takes {format_memory(self._bytes())}; crop it"
        )
