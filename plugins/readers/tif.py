"""TIFF, by tifffile, and by Pillow where tifffile lacks a codec."""

import logging
import re
import warnings
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.kinds.reader import damage_error
from recon.plugins.readers.channels import (
    OneValue,
    look_through_palette,
    merge_channels,
    read_values,
)
from recon.plugins.readers.pillow import open_with_pillow
from recon.plugins.readers.tiff_pixel_size import read_pixel_size
from recon.plugins.readers.unpacked import check_pages, check_size


@attrs.frozen
class Tif(Reader):
    """A TIFF image or stack of slices, with the pixel size that ImageJ, OME or a microscope says.

    Pages may differ in size; thumbnails are left out. Bare resolution tags are not believed.
    """

    name = "tif"
    suffixes = (".tif", ".tiff")
    signatures = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

    def read(self, path: Path) -> ImageFile:
        with _Complaints(path) as complaints, TiffFile(path) as tiff:
            # Thumbnails are marked as reduced versions; the images themselves may differ in size.
            parts = [part for part in tiff.series if not part.keyframe.is_reduced]
            complaints.check()
            if not parts:
                raise damage_error(path, "there is no image in it")
            check_size(sum(part.nbytes for part in parts), path)
            check_pages(tiff, (page for part in parts for page in part.pages if page), path)
            try:
                values = [_read_pages(part, path) for part in parts]
            except ValueError as error:
                if "imagecodecs" not in str(error):
                    raise
                values = _read_by_pillow(path, tiff.pages)
            complaints.check()
            stacks = [ImageFile(path, array).slices for array, _ in values]
            slices = tuple(image for stack in stacks for image in stack)
            coloured = any(flag for _, flag in values)
            return ImageFile(path, slices, *read_pixel_size(tiff), coloured)


def _read_pages(part: Any, path: Path) -> OneValue:
    """The array of a series of pages, its channel axes looked through."""
    array: NDArray[Any] = part.asarray()
    axes, page, coloured = part.axes, part.keyframe, False
    if page.photometric == 3 and page.colormap is not None:
        return look_through_palette(array, page.colormap.T >> 8), False
    if page.photometric not in (0, 1, 2):
        raise ReconError(f"{path} has colours ({page.photometric.name}); save it as RGB or grey")
    for axis in "SC":
        # More than four channels are slices: `tifffile.imwrite(..., imagej=True)` calls them so.
        if axis in axes and (axis == "S" or array.shape[axes.index("C")] <= 4):
            channels = np.moveaxis(array, axes.index(axis), -1)
            alpha = axis == "S" and bool(page.extrasamples)
            rgb = axis == "S" and page.photometric == 2
            array, coloured = merge_channels(channels, alpha, path, colours_allowed=rgb)
            axes = axes.replace(axis, "")
    return array, coloured


def _read_by_pillow(path: Path, pages: Any) -> list[OneValue]:
    """Pages compressed in a way (LZW, JPEG, fax) that tifffile alone cannot read."""
    values = []
    with warnings.catch_warnings(), open_with_pillow(path) as picture:
        warnings.simplefilter("ignore")
        for number, page in enumerate(pages):
            # Pillow turns white-is-zero around and cuts 16-bit colours down to 8.
            if page.photometric == 0 or (page.photometric == 2 and page.bitspersample > 8):
                raise ReconError(
                    f"{path} cannot be read as it is ({page.compression.name}, "
                    f"{page.photometric.name}, {page.bitspersample} bits); save it uncompressed"
                )
            if not page.is_reduced:
                picture.seek(number)
                values.append(read_values(picture, path))
    return values


class _Complaints(logging.Handler):
    """Collects what tifffile logs as errors where it does not raise.

    It reads on where pages are cut off, but half a stack must not pass for a whole one.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(logging.ERROR)
        self.path = path
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(re.sub(r"^<.*?> ", "", record.getMessage()))

    def check(self) -> None:
        if self.messages:
            raise damage_error(self.path, self.messages[0])

    def __enter__(self) -> "_Complaints":
        logging.getLogger("tifffile").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("tifffile").removeHandler(self)
