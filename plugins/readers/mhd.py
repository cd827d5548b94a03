"""MetaImage: a text header, and bytes in it or in a file beside it.

https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

import zlib
from math import prod
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError, shown
from recon.core.kinds import ImageFile, Reader
from recon.core.kinds.reader import damage_error
from recon.plugins.readers.directions import find_order
from recon.plugins.readers.lengths import to_metres
from recon.plugins.readers.unpacked import check_size

TYPES = {
    **{"MET_UCHAR": "u1", "MET_CHAR": "i1", "MET_USHORT": "u2", "MET_SHORT": "i2"},
    **{"MET_UINT": "u4", "MET_INT": "i4", "MET_FLOAT": "f4", "MET_DOUBLE": "f8"},
}
LONGEST = 65536
"""Bytes of a header."""


@attrs.frozen
class Mhd(Reader):
    """A slice or a stack, with spacings in mm as in ITK; raw or compressed.

    Axes that follow those of space in another order are put in order; mirrored ones stay.
    """

    name = "mhd"
    suffixes = (".mhd", ".mha")

    def read(self, path: Path) -> ImageFile:
        header, end = read_header(path)
        sides = [int(side) for side in header["DimSize"].split()]
        if len(sides) not in (2, 3) or min(sides) < 1:
            raise ReconError(f"{path} must be a slice or a stack of slices, got DimSize {sides}")
        kind = header["ElementType"]
        if kind not in TYPES or header.get("ElementNumberOfChannels", "1") != "1":
            raise ReconError(f"{path} must hold one number a pixel, got {shown(kind)}")
        swapped = header.get("BinaryDataByteOrderMSB", header.get("ElementByteOrderMSB", "False"))
        dtype = np.dtype((">" if swapped.lower() == "true" else "<") + TYPES[kind])
        size = prod(sides) * dtype.itemsize
        check_size(size, path)
        file = header["ElementDataFile"]
        if Path(file).name != file:
            raise ReconError(f"{path} names {shown(file)}; the data must lie in the same folder")
        start = end if file == "LOCAL" else int(header.get("HeaderSize", 0))
        data = _read_data(path if file == "LOCAL" else path.with_name(file), start, size, header)
        array = np.frombuffer(data, dtype).reshape(sides[::-1])
        order = find_order(_find_directions(header, len(sides), path), path)[::-1]
        lengths = _find_lengths(header, len(sides))
        known = [lengths[place] for place in order]
        *z, y, x = known
        array = array.transpose([len(sides) - 1 - place for place in order]).copy()
        return ImageFile(path, array, (y, x) if y and x else None, z[0] if z else None)


def read_header(path: Path) -> tuple[dict[str, str], int]:
    """Keys and values, and where the header ends: the name of the data is the last of it."""
    header: dict[str, str] = {}
    with path.open("rb") as file:
        while "ElementDataFile" not in header:
            line = file.readline(LONGEST)
            if not line or b"=" not in line or file.tell() > LONGEST:
                raise damage_error(path, "its header names no ElementDataFile")
            key, _, value = line.decode("utf-8", "surrogateescape").partition("=")
            header[key.strip()] = value.strip()
        end = file.tell()
    for key in ("DimSize", "ElementType"):
        if key not in header:
            raise damage_error(path, f"its header has no {key}")
    return header, end


def _read_data(path: Path, start: int, size: int, header: dict[str, str]) -> bytes:
    if not path.is_file():
        raise ReconError(f"image {path} does not exist; it must lie beside its header")
    packed = header.get("CompressedData", "False").lower() == "true"
    with path.open("rb") as file:
        # HeaderSize -1: the data are the last bytes.
        file.seek(max(0, path.stat().st_size - size) if start < 0 else start)
        data = zlib.decompressobj().decompress(file.read(), size) if packed else file.read(size)
    if len(data) < size:
        raise damage_error(path, "it is cut off")
    return data


def _find_directions(
    header: dict[str, str], count: int, path: Path
) -> list[NDArray[np.float64] | None]:
    """Of each axis, x first."""
    names = ("TransformMatrix", "Orientation", "Rotation")
    text = next((header[name] for name in names if name in header), "")
    numbers = np.array(text.split(), np.float64)
    if not numbers.size:
        return [None] * count
    if numbers.size != count**2 or not np.isfinite(numbers).all():
        raise damage_error(path, f"its TransformMatrix is {shown(text)}")
    return list(numbers.reshape(count, count))


def _find_lengths(header: dict[str, str], count: int) -> list[float | None]:
    """Edge of a voxel along each axis in metres, x first; None where it is unknown."""
    spacing = header.get("ElementSpacing", header.get("ElementSize", "")).split()
    if len(spacing) != count or {float(one) for one in spacing} == {1.0}:  # 1: not filled in
        return [None] * count
    return [to_metres(one, "mm") for one in spacing]
