"""Images in zarr."""

import math
from pathlib import Path
from typing import Any

import attrs
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.storage.zarr_store import MEMBERS, open_store, read_recon_attribute
from recon.plugins.readers.blosc import guard
from recon.plugins.readers.multiscales import StoredImage, find_image
from recon.plugins.readers.unpacked import check_size
from recon.plugins.readers.zarr_array import Source


@attrs.frozen
class Zarr(Reader):
    """A plain zarr array, or the finest level of an OME-Zarr image with its voxel size."""

    name = "zarr"
    suffixes = (".zarr",)
    members = MEMBERS

    def __attrs_post_init__(self) -> None:
        guard()

    def read(self, path: Path) -> ImageFile:
        return read_node(open_store(path, "image"), path)

    def find_image(self, node: Any, path: Path, what: str) -> StoredImage:
        """The image of an open zarr array or group, read when it is sliced."""
        return find_image(node, path, what)

    def read_array(self, array: Any, path: Path, what: str) -> NDArray[Any]:
        """All of an open zarr array."""
        return Source(path, array, what)[...]


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
