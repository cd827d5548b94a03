"""NRRD (3D Slicer, ITK, ParaView), by pynrrd.

https://teem.sourceforge.net/nrrd/format.html
"""

import bz2
import warnings
import zlib
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.kinds.reader import damage_error
from recon.plugins.readers.directions import find_order
from recon.plugins.readers.lengths import to_metres
from recon.plugins.readers.libraries import import_library
from recon.plugins.readers.unpacked import FREE, check_size, exceeds


@attrs.frozen
class Nrrd(Reader):
    """A slice or a stack with its spacings or space directions (needs pynrrd).

    Axes in another order than the axes of space are reordered; mirrored axes stay mirrored.
    """

    name = "nrrd"
    suffixes = (".nrrd", ".nhdr")
    signatures = (b"NRRD00",)

    def read(self, path: Path) -> ImageFile:
        nrrd = import_library("nrrd", path)
        with path.open("rb") as file:
            header = nrrd.read_header(file)
            size = prod(map(int, header["sizes"])) * _find_item_size(header["type"])
            check_size(size, path)
            _check_beside(header, path)
            _check_unpacked(header, file, size, path)
        values, header = nrrd.read(str(path), index_order="F")
        array, lengths, directions = _drop_single_axes(values, header, path)
        order = find_order(directions, path)
        array = array.transpose(order[::-1])  # x is the first axis of NRRD
        known = [lengths[place] for place in order[::-1]]
        *z, y, x = known
        return ImageFile(path, array, (y, x) if y and x else None, z[0] if z else None)


def _find_item_size(kind: str) -> int:
    """Bytes of a number, by the last word of its type: `unsigned short int`, `uint16`."""
    words = kind.replace("_t", "").split()
    words = [word for word in words if word not in ("signed", "unsigned")]
    name = words[0] if words else ""
    sizes = {"char": 1, "short": 2, "int": 4, "float": 4, "long": 8, "longlong": 8, "double": 8}
    return 8 if words[:2] == ["long", "long"] else sizes.get(name, _count_bytes(name))


def _count_bytes(name: str) -> int:
    """Of uint16 and the like."""
    bits = name.removeprefix("u").removeprefix("int")
    return int(bits) // 8 if bits.isdigit() else 8


def _check_unpacked(header: dict[str, Any], file: BinaryIO, size: int, path: Path) -> None:
    """ReconError where packed data would fill more memory than the header says."""
    unpackers = {"gz": zlib.decompressobj(zlib.MAX_WBITS | 16), "bz": bz2.BZ2Decompressor()}
    unpacker = unpackers.get(str(header.get("encoding", ""))[:2])
    name = header.get("data file", header.get("datafile"))
    data = path.with_name(name).read_bytes() if name else file.read()
    if unpacker is not None and exceeds(unpacker, data, max(FREE, 2 * size)):
        raise damage_error(path, f"it unpacks to more than its {size} bytes")


def _check_beside(header: dict[str, Any], path: Path) -> None:
    """ReconError for data that lie in another folder, or in several files."""
    name = header.get("data file", header.get("datafile"))
    if name is None:
        return
    if Path(name).name != name or "%" in name or name.startswith("LIST"):
        raise ReconError(f"{path} names {name}; its data must be one file in the same folder")
    if not path.with_name(name).is_file():
        raise ReconError(f"image {path.with_name(name)} does not exist; it must lie beside {path}")


def _drop_single_axes(
    values: NDArray[Any], header: dict[str, Any], path: Path
) -> tuple[NDArray[Any], list[float | None], list[NDArray[Any] | None]]:
    """The axes of space: their values, edge lengths in metres and directions."""
    kinds = header.get("kinds", [""] * values.ndim)
    other = {"???", "none", "stub"}
    places = [n for n, kind in enumerate(kinds) if kind in ("", "domain", "space") or kind in other]
    rest = [n for n in range(values.ndim) if n not in places]
    if any(values.shape[n] > 1 for n in rest):
        sizes = ", ".join(f"{values.shape[n]} along its axis {kinds[n]}" for n in rest)
        raise ReconError(f"{path} has several numbers a pixel, {sizes}; save one of them")
    while len(places) > 3 and values.shape[places[-1]] == 1:
        places.pop()
    if len(places) not in (2, 3):
        raise ReconError(f"{path} must be a slice or a stack of slices, got {values.shape}")
    lengths, directions = _measure(header, values.ndim, path)
    kept = values.transpose([*places, *[n for n in range(values.ndim) if n not in places]])
    return (
        kept.reshape(kept.shape[: len(places)]),
        [lengths[n] for n in places],
        [directions[n] for n in places],
    )


def _measure(
    header: dict[str, Any], count: int, path: Path
) -> tuple[list[float | None], list[NDArray[Any] | None]]:
    """Edge lengths in metres and directions of all axes, None where the header does not tell."""
    vectors = header.get("space directions")
    directions: list[NDArray[Any] | None] = [None] * count
    if vectors is not None:
        directions = [
            None if v is None or not np.isfinite(np.asarray(v, float)).all() else np.asarray(v)
            for v in vectors
        ]
        steps = [None if v is None else float(np.linalg.norm(v)) for v in directions]
        units = list(header.get("space units", []))
        named = iter(units)  # one for each axis of space
        texts = [next(named, None) if v is not None else None for v in directions]
    else:
        steps = [float(step) for step in header.get("spacings", [np.nan] * count)]
        texts = list(header.get("units", [None] * count))
    lengths = [
        to_metres(f"{step:.9g}", text) if step is not None and text else None
        for step, text in zip(steps, texts, strict=True)
    ]
    given = [step for step in steps if step is not None and np.isfinite(step)]
    if given and not any(lengths) and set(given) != {1.0}:
        warnings.warn(f"{path}: its spacings have no unit of length, so they are unknown",
                      stacklevel=2)  # fmt: skip
    return lengths, directions
