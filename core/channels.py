"""One value a pixel: palettes of greys and equal channels are looked through, colours refused."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recon.core.errors import ReconError


def picture_values(picture: Image.Image, path: Path) -> NDArray[Any]:
    """The one value of each pixel (a, b) of an open Pillow image."""
    picture.load()
    array: NDArray[Any] = np.asarray(picture)
    if picture.mode == "P":
        return through_palette(array, np.array(picture.getpalette("RGB")).reshape(-1, 3))
    if array.ndim == 2:
        return array
    return one_channel(array, picture.mode in ("LA", "RGBA"), path)


def through_palette(indices: NDArray[Any], palette: NDArray[Any]) -> NDArray[Any]:
    """The greys of a palette of greys, which is what one sees; otherwise the indices.

    Colours are labels without an order, and their indices are what labelling tools mean.
    """
    if (palette == palette[:, :1]).all() and indices.max(initial=0) < len(palette):
        greys: NDArray[Any] = palette[:, 0].astype(np.uint8)[indices]
        return greys
    return indices


def one_channel(array: NDArray[Any], alpha: bool, path: Path) -> NDArray[Any]:
    """One of the equal channels along the last axis; the last is left out when it is opacity."""
    colours = array[..., :-1] if alpha else array
    if alpha and array.size and array[..., -1].min() != array[..., -1].max():
        raise ReconError(f"{path} is transparent in part; save it without transparency")
    if not all(np.array_equal(colours[..., 0], colours[..., k]) for k in range(colours.shape[-1])):
        raise ReconError(
            f"{path} has colours (channels differ); save one channel, with a value for each phase"
        )
    channel: NDArray[Any] = colours[..., 0]
    return channel
