"""One value a pixel: palettes of greys and equal channels are looked through, colours weighed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError

if TYPE_CHECKING:
    from PIL import Image

FEW = 8
"""Up to so many colours are labels rather than a photograph."""

OneValue = tuple[NDArray[Any], bool]
"""The values, and whether they were colours."""


def read_values(picture: "Image.Image", path: Path) -> OneValue:
    """The one value of each pixel (a, b) of an open Pillow image."""
    picture.load()
    if picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        picture = picture.convert("RGB")
    array: NDArray[Any] = np.asarray(picture)
    if picture.mode == "P":
        return look_through_palette(
            array, np.array(picture.getpalette("RGB")).reshape(-1, 3)
        ), False
    if array.ndim == 2:
        return array, False
    return merge_channels(array, picture.mode in ("LA", "RGBA"), path)


def look_through_palette(indices: NDArray[Any], palette: NDArray[Any]) -> NDArray[Any]:
    """The greys of a palette of greys, which is what one sees; otherwise the indices.

    Colours are labels without an order, and their indices are what labelling tools mean.
    """
    if (palette == palette[:, :1]).all() and indices.max(initial=0) < len(palette):
        greys: NDArray[Any] = palette[:, 0].astype(np.uint8)[indices]
        return greys
    return indices


def merge_channels(
    array: NDArray[Any], alpha: bool, path: Path, *, colours_allowed: bool = True
) -> OneValue:
    """One value of the channels along the last axis, of which the last is opacity if `alpha`.

    Equal channels give that of the first; red, green and blue give their luminance. Raises
    ReconError for other channels that differ and for partial transparency.
    """
    colours = array[..., :-1] if alpha else array
    if alpha and array.size and array[..., -1].min() != array[..., -1].max():
        raise ReconError(f"{path} is transparent in part; save it without transparency")
    if all(np.array_equal(colours[..., 0], colours[..., k]) for k in range(colours.shape[-1])):
        return colours[..., 0], False
    if not colours_allowed or colours.shape[-1] != 3:
        raise ReconError(
            f"{path} has {colours.shape[-1]} channels that differ and are not red, green and "
            "blue; save one channel, with a value for each phase"
        )
    return _compute_luminance(colours, path), True


def _compute_luminance(colours: NDArray[Any], path: Path) -> NDArray[Any]:
    """0.2125 red + 0.7154 green + 0.0721 blue, integers rounded to their own type."""
    from skimage.color import rgb2gray

    grey: NDArray[Any] = rgb2gray(colours.astype(np.float64))  # floats keep their range
    if colours.dtype.kind not in "iu":
        return grey
    rounded: NDArray[Any] = np.rint(grey).astype(colours.dtype)
    if len(np.unique(rounded)) <= FEW:
        count = len(np.unique(colours.reshape(-1, 3), axis=0))
        if count > len(np.unique(rounded)):
            raise ReconError(
                f"{path} has {count} colours, of which some are equally bright, so grey cannot "
                "distinguish them; save labels 0, 1, ... as grey values"
            )
    return rounded
