"""Slices from image files: PNG, TIFF, .npy and zarr.

What a file is, its first bytes say, not its name. Values are taken as they are stored; three
things are looked through: colour images whose channels are equal, palettes of greys, and true
colours, of which the luminance counts.
"""

import contextlib
import logging
import math
import os
import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import TiffFile

from recon.core.errors import ReconError
from recon.core.storage.limits import IMAGE, regular_file
from recon.core.storage.zarr_store import is_zarr
from recon.imaging.channels import OneValue, one_channel, picture_values, through_palette
from recon.imaging.image_zarr import open_array
from recon.imaging.pixel_size import PixelSize, tiff_pixel_size
from recon.imaging.unpacked import DEFLATE, check_chunks, check_unpacked, damaged

PNG, NPY = b"\x89PNG", b"\x93NUM"
CHANNELS = {2: 3, 4: 2, 6: 4}  # of PNG's numbers for colours, grey with alpha, both
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@attrs.frozen(eq=False)
class ImageFile:
    """What one image file holds.

    path        where it came from
    slices      2D arrays of booleans, integers or finite real numbers, none of them empty
    pixel_size  edge lengths of a pixel along (rows, columns) in metres; None when unknown
    spacing     distance of the slices in metres; None when unknown
    coloured    whether the slices were colours and are their luminance
    """

    path: Path
    slices: tuple[NDArray[Any], ...]
    pixel_size: PixelSize | None = None
    spacing: float | None = None
    coloured: bool = False


def read_image(path: str | Path) -> ImageFile:
    """Read a PNG, TIFF (page or stack), .npy or zarr (2D, or 3D: slices along the first axis).

    Raises ReconError for a file that is missing, empty, damaged, too large or of another format,
    for complex numbers, NaN and infinity, and for more axes than a stack has.
    """
    path = Path(path)
    start = b"" if is_zarr(path) else _first_bytes(path)
    try:
        if not start:
            image = _read_zarr(path)
        elif start == PNG:
            array, coloured = _read_png(path)
            image = ImageFile(path, (array,), coloured=coloured)
        elif start == NPY:
            array, coloured = _read_npy(path)
            image = ImageFile(path, _stack(array, path), coloured=coloured)
        elif start in TIFF:
            image = _read_tiff(path)
        else:
            raise ReconError(f"{path} is neither PNG, TIFF, .npy nor zarr; save it as one of these")
    except ReconError:
        raise
    except MemoryError as error:
        raise ReconError(f"image {path} does not fit in memory; crop it") from error
    except Exception as error:  # the readers raise many kinds for a damaged file
        raise damaged(path, error) from error
    return attrs.evolve(image, slices=tuple(_checked(part, path) for part in image.slices))


def _first_bytes(path: Path) -> bytes:
    if os.path.isdir(path):
        raise ReconError(f"{path} is a folder; give the images in it, such as {path / '*.png'}")
    if os.path.exists(path):
        regular_file(path, "image")
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except FileNotFoundError as error:
        raise ReconError(f"image {path} does not exist; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ReconError(f"cannot read image {path}: {reason}") from error
    if not start:
        raise ReconError(f"image {path} is empty; save it again")
    return start


def _read_zarr(path: Path) -> ImageFile:
    array, sides, lengths = open_array(path)
    _check_size(math.prod(array.shape) * array.dtype.itemsize, path)
    slices = _stack(array.whole().reshape(sides), path)
    if lengths is None:
        return ImageFile(path, slices)
    spacing = lengths[0] if len(lengths) == 3 else None
    return ImageFile(path, slices, (lengths[-2], lengths[-1]), spacing)


def _read_npy(path: Path) -> OneValue:
    # A memory map compares the shape with the length of the file before anything is allocated.
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        if "Python object" in str(error) or "pickle" in str(error):
            raise ReconError(f"{path} holds Python objects; save plain numbers") from error
        raise
    _check_size(array.nbytes, path)
    if array.ndim == 3 and array.shape[2] in (3, 4) and min(array.shape[:2]) > 4:
        return one_channel(np.array(array), array.shape[2] == 4, path)
    return np.array(array), False


def _read_png(path: Path) -> OneValue:
    with path.open("rb") as file:
        header = file.read(26).ljust(26, b"\0")
    columns, rows, depth, colour = struct.unpack(">IIBB", header[16:])
    values = rows * columns * CHANNELS.get(colour, 1)
    _check_size(values * -(-depth // 8), path)
    check_chunks(path)
    if values * depth // 8 > DEFLATE * path.stat().st_size:
        raise damaged(path, "it is cut off")
    if depth == 16 and colour != 0:
        raise ReconError(f"{path} is a 16-bit colour image; save it as grey or with 8 bits")
    with _opened_by_pillow(path) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            raise ReconError(f"{path} is animated; save each slice as a file")
        return picture_values(picture, path)


@contextlib.contextmanager
def _opened_by_pillow(path: Path) -> Iterator[Image.Image]:
    """An image whose size was checked: Pillow's own limit, and its warning, are out of force."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with _muted(), Image.open(path) as picture:
            yield picture
    finally:
        Image.MAX_IMAGE_PIXELS = limit


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Without what libtiff, which is no Python, prints about damaged files."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _read_tiff(path: Path) -> ImageFile:
    with _Complaints(path) as complaints, TiffFile(path) as tiff:
        # Thumbnails are marked as reduced versions; the images themselves may differ in size.
        parts = [part for part in tiff.series if not part.keyframe.is_reduced]
        complaints.check()
        if not parts:
            raise damaged(path, "there is no image in it")
        _check_size(sum(part.nbytes for part in parts), path)
        check_unpacked(tiff, (page for part in parts for page in part.pages if page), path)
        try:
            values = [_pages(part, path) for part in parts]
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            values = _read_tiff_by_pillow(path, tiff.pages)
        complaints.check()
        slices = tuple(image for array, _ in values for image in _stack(array, path))
        return ImageFile(path, slices, *tiff_pixel_size(tiff), any(flag for _, flag in values))


def _pages(part: Any, path: Path) -> OneValue:
    """The array of a series of pages, its channel axes looked through."""
    array: NDArray[Any] = part.asarray()
    axes, page, coloured = part.axes, part.keyframe, False
    if page.photometric == 3 and page.colormap is not None:
        return through_palette(array, page.colormap.T >> 8), False
    if page.photometric not in (0, 1, 2):
        raise ReconError(f"{path} has colours ({page.photometric.name}); save it as RGB or grey")
    for axis in "SC":
        # More than four channels are slices: `tifffile.imwrite(..., imagej=True)` calls them so.
        if axis in axes and (axis == "S" or array.shape[axes.index("C")] <= 4):
            channels = np.moveaxis(array, axes.index(axis), -1)
            alpha = axis == "S" and bool(page.extrasamples)
            rgb = axis == "S" and page.photometric == 2
            array, coloured = one_channel(channels, alpha, path, colours_allowed=rgb)
            axes = axes.replace(axis, "")
    return array, coloured


def _read_tiff_by_pillow(path: Path, pages: Any) -> list[OneValue]:
    """Pages compressed in a way (LZW, JPEG, fax) that tifffile alone cannot read."""
    values = []
    with warnings.catch_warnings(), _opened_by_pillow(path) as picture:
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
                values.append(picture_values(picture, path))
    return values


def _stack(array: NDArray[Any], path: Path) -> tuple[NDArray[Any], ...]:
    if array.ndim == 2:
        return (array,)
    if array.ndim != 3 or 0 in array.shape:
        raise ReconError(
            f"{path} must be a slice (2D) or a stack of slices (3D), not empty, got shape "
            f"{array.shape}"
        )
    return tuple(array)


def _checked(array: NDArray[Any], path: Path) -> NDArray[Any]:
    if array.dtype.kind not in "biuf":
        raise ReconError(f"{path} must hold integers or real numbers, got {array.dtype}")
    if 0 in array.shape:
        raise ReconError(f"{path} must not be empty, got shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ReconError(f"{path} must hold finite numbers, got NaN or infinity; mask or crop it")
    if array.dtype == bool:
        return array.view(np.uint8)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _check_size(bytes_: int, path: Path) -> None:
    IMAGE.check(bytes_, f"image {path} once unpacked", "crop it or give fewer slices")


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
            raise damaged(self.path, self.messages[0])

    def __enter__(self) -> "_Complaints":
        logging.getLogger("tifffile").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("tifffile").removeHandler(self)
