"""A zarr folder that may come from anywhere: looked through before it is opened."""

import math
import os
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from recon.core.errors import ReconError, shown
from recon.core.storage.budget import format_memory, measure_available
from recon.core.storage.limits import TEXT, VOLUME, missing_error
from recon.core.storage.memory import is_out_of_memory

METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
MEMBERS = ("zarr.json", ".zarray", ".zgroup")
"""One of these makes a folder a zarr array or group."""


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr array or group."""
    return any(os.path.isfile(path / name) for name in MEMBERS)


def open_store(path: Path, what: str) -> Any:
    """The zarr node at a path, for reading; ReconError when there is none that can be trusted."""
    if not os.path.exists(path):
        raise missing_error(path, what)
    if not path.is_dir():
        raise ReconError(
            f"{what} {path} is not a readable zarr store: it must be a folder; unpack an archive"
        )
    if not is_zarr(path):
        inside = sorted(child for child in path.glob("*") if child.is_dir() and is_zarr(child))
        if inside:  # the folder of a run or of an example
            raise ReconError(
                f"{what} {path} is not a readable zarr store but a folder that holds some; give "
                f"one of them, such as {inside[-1]}"
            )
    _check_members(path, what)
    try:
        return zarr.open(path, mode="r")
    except Exception as error:  # zarr raises many kinds for a damaged or foreign folder
        raise ReconError(
            f"{what} {path} is not a readable zarr store: {_explain(error)}"
        ) from error


def read_attributes(node: Any, path: Path, what: str) -> dict[str, Any]:
    """The attributes of a node; ReconError when they are no table."""
    try:
        return dict(node.attrs)
    except Exception as error:  # zarr does not look at them before
        raise damage_error(what, path, f"its attributes, {error!r}") from error


def read_recon_attribute(node: Any, path: Path, what: str) -> dict[str, Any]:
    """The attribute `recon` of a node; empty when there is none."""
    recon = read_attributes(node, path, what).get("recon", {})
    if not isinstance(recon, dict):
        raise damage_error(what, path, "its attribute recon is no table")
    return recon


def _check_members(path: Path, what: str) -> None:
    """Refuse links that lead out of the folder, what is no file, and metadata without end."""
    inside = os.path.realpath(path)
    folders = [inside]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    leads = os.path.realpath(entry.path)
                    if os.path.commonpath([inside, leads]) != inside:
                        raise ReconError(
                            f"{what} {path} holds a link that leads out of it, "
                            f"{os.path.relpath(entry.path, inside)}; copy it with its files"
                        )
                elif entry.is_dir():
                    folders.append(entry.path)
                elif not entry.is_file():
                    raise damage_error(what, path, f"{entry.name} in it is a pipe or a device")
                if entry.name in METADATA:
                    size = entry.stat().st_size if os.path.exists(entry.path) else 0
                    TEXT.check(size, f"{what} {path}: {entry.name}", "write less into it")


@attrs.frozen(eq=False)
class Source:
    """An array on disk, read piece by piece; ReconError where it is damaged.

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

    @property
    def own(self) -> bool:
        """Whether recon may have written it; the codecs of others are for a reader to judge."""
        return self.array.compressors == (COMPRESSION,)

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


LOST = 255
"""The fill value of labels that recon writes. It is no label, so all chunks are written, and one
that is lost afterwards does not pass for phase 0."""

COMPRESSION = ZstdCodec(level=0, checksum=True)
"""zarr's own choice, with a checksum: a flipped bit is found when the chunk is read."""


def damage_error(what: str, path: Path, why: object) -> ReconError:
    """Error for a file that is not as it was written."""
    return ReconError(f"{what} {path} is damaged: {_explain(why)}; copy or make it again")


def _explain(reason: object) -> str:
    return str(reason) or type(reason).__name__
