"""Images in zarr."""

import math
from pathlib import Path
from typing import Any

import attrs
import zarr

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.storage.ome_zarr import UNIT
from recon.core.storage.zarr_store import (
    MEMBERS,
    Source,
    open_store,
    read_attributes,
    read_recon_attribute,
)
from recon.plugins.readers.unpacked import check_size

Lengths = tuple[float, ...]


@attrs.frozen
class Zarr(Reader):
    """A plain zarr array, or the finest level of an OME-Zarr image with its voxel size."""

    name = "zarr"
    suffixes = (".zarr",)
    members = MEMBERS

    def read(self, path: Path) -> ImageFile:
        array, sides, lengths = open_array(path)
        check_size(math.prod(array.shape) * array.dtype.itemsize, path)
        slices = array.whole().reshape(sides)
        if lengths is None:
            return ImageFile(path, slices)
        spacing = lengths[0] if len(lengths) == 3 else None
        return ImageFile(path, slices, (lengths[-2], lengths[-1]), spacing)


def open_array(path: Path) -> tuple[Source, tuple[int, ...], Lengths | None]:
    """The zarr array at a path, its shape in space, and the lengths of its voxels in metres.

    Times and channels of OME-Zarr, which come first, must be single and are left out of the
    shape. Lengths are None when unknown. Raises ReconError for a store without an image.
    """
    node = open_store(path, "image")
    if isinstance(node, zarr.Array):
        return Source(path, node, "image"), node.shape, None
    attributes = read_attributes(node, path, "image")
    if read_recon_attribute(node, path, "image").get("kind") == "micrographs":
        raise ReconError(f"{path} holds micrographs already; give it to recon run or recon train")
    scales = attributes.get("ome", attributes).get("multiscales")
    array = node.get(scales[0]["datasets"][0]["path"] if scales else "0")
    if not isinstance(array, zarr.Array):
        raise ReconError(f"{path} is a zarr group without an image; give one of its arrays")
    if not scales or len(scales[0].get("axes", ())) != array.ndim:
        return Source(path, array, "image"), array.shape, None
    return Source(path, array, "image"), *_select_space(path, array.shape, scales[0])


def _select_space(
    path: Path, shape: tuple[int, ...], scale: dict[str, Any]
) -> tuple[tuple[int, ...], Lengths | None]:
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in scale["axes"]]
    space = [axis["name"] in ("z", "y", "x") for axis in axes]
    for axis, length, kept in zip(axes, shape, space, strict=True):
        if length > 1 and not kept:
            raise ReconError(
                f"{path} has {length} images along its axis {axis['name']}; save one of them"
            )
    sides = tuple(length for length, kept in zip(shape, space, strict=True) if kept)
    units = [str(axis.get("unit")) for axis, kept in zip(axes, space, strict=True) if kept]
    steps = [
        [length for length, kept in zip(change["scale"], space, strict=True) if kept]
        for change in scale["datasets"][0].get("coordinateTransformations", ())
        if change["type"] == "scale"
    ]
    if not steps or not all(unit in UNIT for unit in units):
        return sides, None
    lengths = tuple(step * UNIT[unit] for step, unit in zip(steps[0], units, strict=True))
    return sides, None if set(lengths) == {1.0} else lengths  # 1 m: how recon writes "unknown"
