"""Slices of a file: a stack as it is, or a volume cut along all three axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import NORMAL, PLANES, in_plane
from recon.core.errors import ReconError
from recon.core.kinds.reader import ImageFile, PixelSize
from recon.imaging.picture import Picture, make_printable

WANTED = 32
"""Slices of a plane when nothing else is said."""


def stack_files(files: Sequence[ImageFile]) -> list[Picture]:
    """The slices of some files one after the other."""
    return [
        Picture(image, _name_slice(file, number), file.pixel_size, file.coloured)
        for file in files
        for number, image in enumerate(file.slices)
    ]


def slice_volume(file: ImageFile, every: int | None = None) -> dict[str, list[Picture]]:
    """Every so-many-th slice of a volume along each axis; by default about 32 of each.

    The slices of the file follow one another along z. Raises ReconError for a file that is no
    volume and for steps that leave no slice.
    """
    if len(file.slices) < 2 or len({image.shape for image in file.slices}) > 1:
        raise ReconError(
            f"{file.path} is no volume: it must hold two or more slices of one size, got "
            f"{format_sizes(file)}; give single images for xy=, xz= or yz="
        )
    volume = np.stack(file.slices)
    if every is not None and not 1 <= every <= min(volume.shape):
        raise ReconError(
            f"every= must be in [1, {min(volume.shape)}], the shortest side of {file.path}, "
            f"got {every}"
        )
    lengths = find_voxel_size(file)
    pictures = {}
    for plane in PLANES:
        rows, columns = in_plane(plane)
        size: PixelSize | None = (lengths[rows], lengths[columns]) if lengths else None
        pictures[plane] = [
            Picture(
                np.take(volume, place, NORMAL[plane]),
                f"{make_printable(file.path.name)} {plane}:{place}",
                size,
                file.coloured,
            )
            for place in _spread_places(volume, NORMAL[plane], every)
        ]
    return pictures


def _spread_places(volume: NDArray[Any], axis: int, every: int | None) -> range:
    side = volume.shape[axis]
    step = every or max(1, round(side / WANTED))
    return range((side - 1) % step // 2, side, step)  # as far from either end


def find_voxel_size(file: ImageFile) -> tuple[float, float, float] | None:
    """Lengths (z, y, x); slices whose distance is unknown lie as far apart as square pixels are."""
    if file.pixel_size is None:
        return None
    rows, columns = file.pixel_size
    if file.spacing is not None:
        return file.spacing, rows, columns
    return (rows, rows, columns) if np.isclose(rows, columns, rtol=1e-3, atol=0) else None


def format_sizes(file: ImageFile) -> str:
    """How many slices, and their sizes."""
    shapes = dict.fromkeys(" x ".join(map(str, image.shape)) for image in file.slices)
    return f"{len(file.slices)} of {', '.join(shapes)}"


def _name_slice(file: ImageFile, number: int) -> str:
    name = make_printable(file.path.name)
    return name if len(file.slices) == 1 else f"{name}:{number}"
