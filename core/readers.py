"""Images and volumes from files, each by the reader of its format."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from recon.core.catalog import Entry, catalog, choose_one
from recon.core.errors import ReconError, shown
from recon.core.kinds.reader import ImageFile, damage_error
from recon.core.options import options
from recon.core.storage.limits import missing_error, stat_regular_file
from recon.core.storage.memory import is_out_of_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

START = 64
"""Bytes at the start of a file that may tell its format."""


def find_reader(path: Path) -> Entry:
    """The reader of a file: by its first bytes, else by its suffix; of a folder: by its members.

    Raises ReconError for what cannot be read, for an empty file and for no or several readers.
    """
    readers = [entry for entry in catalog() if entry.kind == "reader"]
    if os.path.isdir(path):
        offers = [r for r in readers if any(os.path.isfile(path / m) for m in r.summary.members)]
        if not offers:
            raise ReconError(f"{path} is a folder; give the images in it, as {path / '*.png'}")
        return choose_one(offers, path.name)
    start = _read_first_bytes(path)
    offers = [
        reader
        for reader in readers
        if any(start.startswith(bytes.fromhex(first)) for first in reader.summary.signatures)
    ]
    named = catalog().by_suffix("reader", path)
    # A name is believed only where first bytes cannot tell; between two it decides.
    offers = [r for r in offers if r in named] or offers
    offers = offers or [reader for reader in named if not reader.summary.signatures]
    if not offers:
        *first, last = sorted({reader.name for reader in readers}) or ["nothing"]
        known = f"neither {', '.join(first)} nor {last}" if first else f"not {last}"
        raise ReconError(f"{path} is {known}; save it as one of these{catalog().not_loaded}")
    return choose_one(offers, path.name)


def read_image(path: str | Path, **given: Any) -> ImageFile:
    """Read an image or volume by the reader of its format: a slice, or slices along z.

    given  options of the reader; others have no meaning for its format and are left out

    Raises ReconError for a file that is missing, empty, damaged, too large or of another format,
    for complex numbers, NaN and infinity, and for more axes than a stack has.
    """
    path = Path(path)
    cls = find_reader(path).cls
    known = options(cls)
    reader = cls(**{name: value for name, value in given.items() if name in known})
    try:
        image = reader.read(path)
    except ReconError:
        raise
    except Exception as error:  # the readers raise many kinds for a damaged file
        if is_out_of_memory(error):
            raise ReconError(f"image {path} does not fit in memory; crop it") from error
        raise damage_error(path, error) from error
    if not isinstance(image, ImageFile):
        raise ReconError(
            f"reader {reader.name} must return an ImageFile, got {shown(image)}; tell its author"
        )
    return check_image(image)


def check_image(image: ImageFile) -> ImageFile:
    """The image with booleans as integers and in the machine's order of bytes.

    Raises ReconError for empty slices, for complex numbers, NaN and infinity.
    """
    return attrs.evolve(image, slices=tuple(_check(part, image.path) for part in image.slices))


def _check(array: "NDArray[Any]", path: Path) -> "NDArray[Any]":
    if array.dtype.kind not in "biuf":
        raise ReconError(f"{path} must hold integers or real numbers, got {array.dtype}")
    if 0 in array.shape:
        raise ReconError(f"{path} must not be empty, got shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ReconError(f"{path} must hold finite numbers, got NaN or infinity; mask or crop it")
    if array.dtype == bool:
        return array.view(np.uint8)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _read_first_bytes(path: Path) -> bytes:
    if os.path.exists(path):
        stat_regular_file(path, "image")
    try:
        with path.open("rb") as file:
            start = file.read(START)
    except FileNotFoundError as error:
        raise missing_error(path, "image") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ReconError(f"cannot read image {path}: {reason}") from error
    if not start:
        raise ReconError(f"image {path} is empty; save it again")
    return start
