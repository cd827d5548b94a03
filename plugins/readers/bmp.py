"""Windows bitmaps, by Pillow."""

from pathlib import Path

import attrs

from recon.core.kinds import ImageFile, Reader
from recon.plugins.readers.channels import read_values
from recon.plugins.readers.pillow import open_with_pillow
from recon.plugins.readers.unpacked import check_size


@attrs.frozen
class Bmp(Reader):
    """A bitmap: grey values or labels; palettes of greys and equal channels count as grey."""

    name = "bmp"
    suffixes = (".bmp",)
    signatures = (b"BM",)

    def read(self, path: Path) -> ImageFile:
        with open_with_pillow(path) as picture:
            check_size(picture.width * picture.height * len(picture.getbands()), path)
            array, coloured = read_values(picture, path)
        return ImageFile(path, array, coloured=coloured)
