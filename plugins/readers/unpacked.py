"""Sizes that a compressed image cannot have: more than its file holds, or more than it declares."""

import lzma
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from recon.core.kinds.reader import damage_error
from recon.core.storage.limits import Limit

IMAGE = Limit("RECON_MAX_IMAGE", 4_000_000_000)
"""One image file once unpacked."""

FREE = 1 << 27  # bytes that a part may unpack to whatever the image says: harmless
STEP = 1 << 20

DEFLATE = 1032
"""How many times smaller deflate can make data at most."""

RATIOS = {1: 1, 5: 3000, 8: DEFLATE, 32946: DEFLATE, 32773: 128, 34925: 8000}
"""The same of TIFF's numbers of compressions: none, LZW, deflate twice, PackBits, LZMA."""

UNPACKERS: dict[int, Callable[[], Any]] = {
    8: zlib.decompressobj,
    32946: zlib.decompressobj,
    34925: lzma.LZMADecompressor,
}
"""What unpacks data that tifffile would unpack to any size."""


def check_size(size: int, path: Path) -> None:
    """ReconError for an image that takes more bytes than are allowed."""
    IMAGE.check(size, f"image {path} once unpacked", "crop it or give fewer slices")


def check_pages(tiff: Any, pages: Iterable[Any], path: Path) -> None:
    """ReconError for pages that declare more than there is, and for parts that hold more.

    tifffile makes room for a page before it reads, fills it with zeros where strips or tiles are
    absent, and unpacks a part whole, however large it becomes. Only parts that could become too
    large are unpacked here, without holding what they unpack to.
    """
    size = tiff.filehandle.size
    for page in pages:
        key = page.keyframe
        compression = int(key.compression)
        ratio, unpacker = RATIOS.get(compression), UNPACKERS.get(compression)
        parts = [
            (offset, count)
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
            if 0 < offset < size
        ]
        if any(count > size for _, count in parts):  # as much memory would be made ready
            raise damage_error(path, "it is cut off")
        packed = key.nbytes * key.bitspersample // (8 * key.dtype.itemsize)
        if ratio is not None and packed > ratio * sum(count for _, count in parts):
            raise damage_error(path, f"it is cut off, {packed} bytes cannot be in what there is")
        room = max(FREE, 2 * key.nbytes)
        for offset, count in parts:
            if unpacker is None or count * RATIOS[compression] <= room:
                continue
            tiff.filehandle.seek(offset)
            if exceeds(unpacker(), tiff.filehandle.read(count), room):
                raise damage_error(path, f"it unpacks to more than its {key.nbytes} bytes")


def check_chunks(path: Path) -> None:
    """ReconError for a PNG with a chunk that is longer than its file: Pillow makes room for it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(8)
        while len(start := file.read(8)) == 8 and start[4:] != b"IEND":
            length = int.from_bytes(start[:4], "big")
            if length > size:
                raise damage_error(path, "it is cut off")
            file.seek(length + 4, 1)


def exceeds(unpacker: Any, data: bytes, room: int) -> bool:
    """Whether data unpack to more bytes than so many; they are not held."""
    total = len(unpacker.decompress(data, STEP))
    while total <= room and not unpacker.eof:
        rest = getattr(unpacker, "unconsumed_tail", b"")  # lzma keeps it to itself
        step = len(unpacker.decompress(rest, STEP))
        total += step
        if not step and not rest:
            break
    return total > room
