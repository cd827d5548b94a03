"""Pillow without its own limit of size and without what libtiff prints."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from PIL import Image


@contextlib.contextmanager
def open_with_pillow(path: Path) -> Iterator[Image.Image]:
    """An image whose size was checked: Pillow's own limit, and its warning, are out of force."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with _mute(), Image.open(path) as picture:
            yield picture
    finally:
        Image.MAX_IMAGE_PIXELS = limit


@contextlib.contextmanager
def _mute() -> Iterator[None]:
    """Without what libtiff, which is no Python, prints about damaged files."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
