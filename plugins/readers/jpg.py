"""JPEG, by Pillow."""

from pathlib import Path

import attrs
from PIL import ImageOps

from recon.core.kinds import ImageFile, Reader
from recon.plugins.readers.channels import read_values
from recon.plugins.readers.pillow import open_with_pillow
from recon.plugins.readers.unpacked import check_size


@attrs.frozen
class Jpg(Reader):
    """A JPEG image, rotated as its EXIF tag states; its compression alters labels."""

    name = "jpg"
    suffixes = (".jpg", ".jpeg")
    signatures = (b"\xff\xd8\xff",)

    def read(self, path: Path) -> ImageFile:
        with open_with_pillow(path) as picture:
            check_size(picture.width * picture.height * len(picture.getbands()), path)
            array, coloured = read_values(ImageOps.exif_transpose(picture), path)
        return ImageFile(path, array, coloured=coloured)
