"""Compressed parts of a TIFF that unpack to far more than the image they belong to."""

import lzma
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from recon.core.errors import ReconError

FREE = 1 << 27  # bytes that a part may unpack to whatever the image says: harmless
STEP = 1 << 20

UNPACKERS: dict[int, tuple[int, Callable[[], Any]]] = {
    8: (1032, zlib.decompressobj),
    32946: (1032, zlib.decompressobj),
    34925: (8000, lzma.LZMADecompressor),
}
"""TIFF's number of a compression: how much smaller it can make data, and what unpacks it."""


def check_unpacked(tiff: Any, pages: Iterable[Any], path: Path) -> None:
    """ReconError for a bomb, found without holding what it unpacks to.

    tifffile unpacks a strip or tile whole, however large it becomes. Only parts that could become
    too large are unpacked here.
    """
    for page in pages:
        ratio, unpacker = UNPACKERS.get(int(page.compression), (1, None))
        room = max(FREE, 2 * page.nbytes)
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
            if unpacker is None or count * ratio <= room:
                continue
            tiff.filehandle.seek(offset)
            if _exceeds(unpacker(), tiff.filehandle.read(count), room):
                raise ReconError(
                    f"{path} unpacks to more than the image that it declares, {page.nbytes} bytes; "
                    "save it again"
                )


def _exceeds(unpacker: Any, data: bytes, room: int) -> bool:
    total = len(unpacker.decompress(data, STEP))
    while total <= room and not unpacker.eof:
        rest = getattr(unpacker, "unconsumed_tail", b"")
        step = len(unpacker.decompress(rest, STEP))
        total += step
        if not step and not rest:
            break
    return total > room
