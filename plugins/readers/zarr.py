"""Images in zarr."""

import math
from pathlib import Path
from typing import Any

import attrs

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.storage.zarr_store import MEMBERS, open_store, read_recon_attribute
from recon.plugins.readers.blosc import guard
from recon.plugins.readers.multiscales import find_image
from recon.plugins.readers.unpacked import check_size


@attrs.frozen
class Zarr(Reader):
    """A plain zarr array, or the finest level of an OME-Zarr image with its voxel size."""

    name = "zarr"
    suffixes = (".zarr",)
    members = MEMBERS

    def read(self, path: Path) -> ImageFile:
        guard()
        return read_node(open_store(path, "image"), path)

    def open_volume(self, path: Path) -> tuple[Any, tuple[float, ...] | None]:
        """The labels of a volume, read when they are sliced, and its voxel size in metres."""
        guard()
        image = find_image(open_store(path, "volume"), path, "volume")
        return image.array, image.lengths


def read_node(node: Any, path: Path) -> ImageFile:
    """The image of an open zarr array or group."""
    recon = read_recon_attribute(node, path, "image")
    if recon.get("kind") == "micrographs":
        raise ReconError(f"{path} holds micrographs already; give it to recon run or recon train")
    image = find_image(node, path, "image")
    array, lengths = image.array, image.lengths
    check_size(math.prod(array.shape) * array.dtype.itemsize, path)
    slices, phases = array[...], recon.get("phases")
    if lengths is None or array.ndim not in (2, 3):
        return ImageFile(path, slices, phases=phases)
    spacing = lengths[0] if len(lengths) == 3 else None
    return ImageFile(path, slices, (lengths[-2], lengths[-1]), spacing, phases=phases)
