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
from recon.plugins.readers.thumbnails import leave_out_thumbnails
from recon.plugins.readers.tiff_pixel_size import read_pixel_size
from recon.plugins.readers.unpacked import check_pages, check_size

MASK = 4
"""Of the tag of kinds of pages: a transparency mask."""
SEPARATE = 2
"""Of the tag of planar configuration: a page for each colour."""
SAVE = (
    "save the stack with axes='ZYX' (tifffile: photometric='minisblack', metadata={'axes': 'ZYX'})"
)


@attrs.frozen
class Tif(Reader):
    """A TIFF image or stack of slices, with the pixel size that ImageJ, OME or a microscope states.

    Pages may differ in size; thumbnails, marked or not, are skipped. Values are inverted if 0 is
    white. The resolution tag alone does not give a pixel size.
    """

    name = "tif"
    suffixes = (".tif", ".tiff")
    signatures = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

    def read(self, path: Path) -> ImageFile:
        with _Complaints(path) as complaints, TiffFile(path) as tiff:
            # Thumbnails are marked as reduced versions; the images themselves may differ in size.
            parts = [part for part in tiff.series if not _is_aside(part.keyframe)]
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
            slices = leave_out_thumbnails([image for stack in stacks for image in stack], path)
            coloured = any(flag for _, flag in values)
            pixel_size, spacing = read_pixel_size(tiff)
            if (
                pixel_size and int(parts[0].keyframe.tags.valueof("Orientation", 1)) > 4
            ):  # rows and columns change places
                pixel_size = pixel_size[::-1]
            return ImageFile(path, slices, pixel_size, spacing, coloured)


def _is_aside(page: Any) -> bool:
    """Whether a page is another one reduced, or the transparency of one."""
    return bool(page.is_reduced or page.subfiletype & MASK)


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
            if axis == "C" and not _equal(channels):
                raise ReconError(
                    f"{path} has {channels.shape[-1]} channels that differ; save one of them, or, "
                    "if they are slices, the stack with axes='ZYX'"
                )
            separate = axis == "S" and page.planarconfig == SEPARATE
            try:
                array, coloured = merge_channels(channels, alpha, path, colours_allowed=rgb)
            except ReconError as error:
                if separate:
                    raise ReconError(f"{error}; if its pages are slices, {SAVE}") from error
                raise
            if coloured and separate:
                warnings.warn(
                    f"{path.name}: its {channels.shape[-1]} pages are stored as the red, green and "
                    f"blue of one picture; if they are slices, {SAVE}",
                    stacklevel=2,
                )
            axes = axes.replace(axis, "")
    if page.photometric == 0:
        array = _turn_white_to_high(array, page.bitspersample, path)
    return _turn_upright(array, int(page.tags.valueof("Orientation", 1))), coloured


def _equal(channels: NDArray[Any]) -> bool:
    return all(np.array_equal(channels[..., 0], one) for one in np.moveaxis(channels, -1, 0)[1:])


def _turn_white_to_high(array: NDArray[Any], bits: int, path: Path) -> NDArray[Any]:
    """Values of a picture in which 0 is white, as those of one in which 0 is black."""
    if array.dtype.kind not in "bu":
        raise ReconError(
            f"{path} says that 0 is white, which has no meaning for {array.dtype}; save it with 0 "
            "as black (MINISBLACK)"
        )
    warnings.warn(
        f"{path.name}: 0 is white in it; its values are inverted, so that dark is low",
        stacklevel=2,
    )
    return ~array if array.dtype == bool else np.asarray(2**bits - 1 - array, array.dtype)


def _turn_upright(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Rows from the top, columns from the left, whatever TIFF's tag of orientation says."""
    if orientation in (2, 3, 6, 7):
        array = array[..., ::-1] if orientation in (2, 3) else array[..., ::-1, :]
    if orientation in (3, 4, 7, 8):
        array = array[..., ::-1, :] if orientation in (3, 4) else array[..., ::-1]
    return array.swapaxes(-1, -2) if orientation in (5, 6, 7, 8) else array


def _read_by_pillow(path: Path, pages: Any) -> list[OneValue]:
    """Pages compressed in a way (LZW, JPEG, fax) that tifffile alone cannot read."""
    values = []
    with warnings.catch_warnings(), open_with_pillow(path) as picture:
        warnings.simplefilter("ignore")
        for number, page in enumerate(pages):
            # Pillow turns white-is-zero of 8 bits around and cuts 16-bit colours down to 8.
            if page.photometric in (0, 2) and page.bitspersample > 8:
                raise ReconError(
                    f"{path} cannot be read as it is ({page.compression.name}, "
                    f"{page.photometric.name}, {page.bitspersample} bits); save it uncompressed"
                )
            if not _is_aside(page):
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
