"""Portable Network Graphics, by Pillow."""

import struct
from pathlib import Path

import attrs

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.kinds.reader import damage_error
from recon.plugins.readers.channels import read_values
from recon.plugins.readers.pillow import open_with_pillow
from recon.plugins.readers.unpacked import DEFLATE, check_chunks, check_size

CHANNELS = {2: 3, 4: 2, 6: 4}
"""Of PNG's numbers for colours, grey with alpha, both."""


@attrs.frozen
class Png(Reader):
    """A PNG image: grey values or labels; palettes of greys and equal channels count as grey."""

    name = "png"
    suffixes = (".png",)
    signatures = (b"\x89PNG",)

    def read(self, path: Path) -> ImageFile:
        with path.open("rb") as file:
            header = file.read(26).ljust(26, b"\0")
        columns, rows, depth, colour = struct.unpack(">IIBB", header[16:])
        values = rows * columns * CHANNELS.get(colour, 1)
        check_size(values * -(-depth // 8), path)
        check_chunks(path)
        if values * depth // 8 > DEFLATE * path.stat().st_size:
            raise damage_error(path, "it is cut off")
        if depth == 16 and colour != 0:
            raise ReconError(f"{path} is a 16-bit colour image; save it as grey or with 8 bits")
        with open_with_pillow(path) as picture:
            if getattr(picture, "n_frames", 1) > 1:
                raise ReconError(f"{path} is animated; save each slice as a file")
            array, coloured = read_values(picture, path)
        return ImageFile(path, array, coloured=coloured)
