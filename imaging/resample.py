"""Images of another pixel size: grey values by area averages, labels by majority."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import in_plane
from recon.core.data.units import format_length
from recon.core.errors import ReconError
from recon.core.kinds.reader import PixelSize
from recon.imaging.common_size import SAME, VoxelSize
from recon.imaging.cropping import LEAST
from recon.imaging.picture import Picture, Pictures, list_names

FINEST = 8
"""Voxels along one pixel, at most: micrographs do not hold finer detail than their pixels."""

Change = Callable[[NDArray[Any], tuple[int, int]], NDArray[Any]]


def resample(pictures: Pictures, size: VoxelSize, change: Change) -> tuple[Pictures, list[str]]:
    """The images with pixels of the voxel size, and a notice for each kind of change.

    change  `average_grey` or `vote_labels`: makes an image of another shape of one

    Images of unknown or of this pixel size stay as they are.
    """
    result: dict[str, list[Picture]] = {}
    changed: dict[str, dict[str, list[Picture]]] = {}
    for plane, stack in pictures.items():
        rows, columns = in_plane(plane)
        pixel = size[rows], size[columns]
        result[plane] = []
        for picture in stack:
            if picture.pixel_size is None or np.allclose(picture.pixel_size, pixel, SAME, 0):
                result[plane].append(picture)
                continue
            result[plane].append(_resample_picture(picture, pixel, change))
            words = f"from {_format(picture.pixel_size)} to {_format(pixel)} a pixel"
            changed.setdefault(words, {}).setdefault(plane, []).append(picture)
    how = "area averages of grey values" if change is average_grey else "majority of the labels"
    notices = []
    for words, planes in changed.items():
        count = sum(map(len, planes.values()))
        where = f"{count} image{'s' * (count > 1)} of {', '.join(planes)} ({list_names(planes)})"
        notices.append(f"{where} resampled {words} by {how}")
    return result, notices


def _resample_picture(picture: Picture, pixel: PixelSize, change: Change) -> Picture:
    """A picture cut to a whole number of new pixels (but for part of an old one), and changed."""
    old = picture.pixel_size or pixel
    factors = [after / before for after, before in zip(pixel, old, strict=True)]
    # A little more than the side divided: 300 pixels / 4 must not become 74.
    shape = [int(n / f * (1 + 1e-9)) for n, f in zip(picture.pixels.shape, factors, strict=True)]
    if min(factors) < 1 / FINEST:
        raise ReconError(
            f"voxel size {_format(pixel)} is finer than 1/{FINEST} of the pixels of {picture.name} "
            f"({_format(old)}), which hold no such detail; give a coarser voxel_size="
        )
    if min(shape) < LEAST:
        raise ReconError(
            f"resampling {picture.name} from {_format(old)} to {_format(pixel)} a pixel leaves "
            f"{shape[0]} x {shape[1]} pixels, fewer than {LEAST}; give a finer voxel_size="
        )
    a, b = (
        min(side, round(n * f))
        for side, n, f in zip(picture.pixels.shape, shape, factors, strict=True)
    )
    pixels = change(picture.pixels[:a, :b], (shape[0], shape[1]))
    return attrs.evolve(picture, pixels=pixels, pixel_size=pixel)


def average_grey(image: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Averages over the area of each new pixel; between pixels, linear."""
    changed: NDArray[np.float32] = _average_area(image.astype(np.float32), shape)
    return changed


def vote_labels(image: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The label that takes most of the area of each new pixel.

    Where two take as much, the one of the old pixel nearest to the centre: the lower label would
    grow at the cost of the higher one, as half of all edges of an image made half as large tie.
    """
    from skimage.transform import resize  # loaded when needed: it takes long

    nearest = resize(image, shape, order=0, preserve_range=True, anti_aliasing=False)
    best = np.full(shape, -1.0, np.float32)
    result = np.zeros(shape, np.uint8)
    for label in np.unique(image):
        share = _average_area((image == label).astype(np.float32), shape)
        share += np.float32(1e-4) * (nearest == label)
        result[share > best] = label
        np.maximum(best, share, out=best)
    return result


def _average_area(image: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    from skimage.transform import resize, resize_local_mean

    coarser = tuple(min(pair) for pair in zip(image.shape, shape, strict=True))
    averages = resize_local_mean(image, coarser) if coarser != image.shape else image
    if coarser != shape:
        averages = resize(averages, shape, order=1, anti_aliasing=False)
    return np.array(averages, np.float32)


def _format(size: PixelSize) -> str:
    rows, columns = map(format_length, size)
    return rows if rows == columns else f"{rows} x {columns}"
