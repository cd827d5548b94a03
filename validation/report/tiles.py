"""Slices as small coloured images, all at one physical scale."""

import base64
from collections.abc import Sequence
from typing import TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.colours import pick_colours
from recon.core.data.micrographs import Micrographs
from recon.core.data.pictures import encode_png
from recon.core.data.planes import AXES, NORMAL, PLANES, in_plane
from recon.core.data.units import round_length
from recon.core.data.volume import Volume
from recon.validation.windows import cut_windows

Labels = NDArray[np.uint8]
Item = TypeVar("Item")

PER_PLANE = 3  # slices shown of each side
SIDE = 192  # CSS pixels of the longest side of the volume
MOST = 384  # voxels shown along one side


@attrs.frozen
class Tile:
    """One image: its data URI, its size in CSS pixels and what to say of it."""

    source: str
    width: float
    height: float
    alt: str
    crisp: bool


@attrs.frozen
class Row:
    """Slices of one plane: of the reference and of the volume, side by side."""

    plane: str
    right: str
    down: str
    reference: list[Tile]
    volume: list[Tile]
    caption: str


@attrs.frozen
class Gallery:
    """Rows of tiles and the bar that gives their common scale.

    bar  CSS pixels;  length  what it stands for
    """

    rows: list[Row]
    bar: float
    length: str


def build_gallery(volumes: Sequence[Volume], reference: Volume | Micrographs | None) -> Gallery:
    """Three slices of the volumes on each plane beside three of the reference."""
    first = volumes[0]
    scale = choose_pixel_scale(first)
    rows = [_build_row(plane, volumes, reference, scale) for plane in PLANES]
    length = round_length(max(_measure_shown(first)) / 3)
    return Gallery(rows, length * scale, format_length(length, first.voxel_size))


def rescale(
    reference: Volume | Micrographs, voxel_size: tuple[float, float, float]
) -> Volume | Micrographs:
    """The reference for pictures: voxel by voxel where one of the two sizes is not known."""
    if (1.0, 1.0, 1.0) not in (reference.voxel_size, voxel_size):
        return reference
    if isinstance(reference, Volume):
        return Volume(reference.labels, voxel_size, reference.phases)
    return Micrographs(reference.planes, voxel_size, reference.phases)


def choose_pixel_scale(volume: Volume, side: int = SIDE) -> float:
    """CSS pixels a metre at which the volume's slices are shown, the longest side about so many."""
    scale = side / max(_measure_shown(volume))
    finest = scale * min(volume.voxel_size)
    if finest >= 1:  # whole screen pixels for a voxel
        scale *= int(finest) / finest
    return scale


def _measure_shown(volume: Volume) -> list[float]:
    """Edges, in metres, of what is shown of it."""
    sides = zip(volume.shape, volume.voxel_size, strict=True)
    return [min(side, MOST) * edge for side, edge in sides]


def _build_row(
    plane: str,
    volumes: Sequence[Volume],
    reference: Volume | Micrographs | None,
    scale: float,
) -> Row:
    down, right = (AXES[axis] for axis in in_plane(plane))
    normal = AXES[NORMAL[plane]]
    places, tiles = [], []
    samples = choose_evenly(range(len(volumes)), PER_PLANE, repeat=True)
    for number, volume in enumerate(volumes[sample] for sample in samples):
        stack = np.moveaxis(volume.labels, NORMAL[plane], 0)
        place = (number + 1) * len(stack) // (PER_PLANE + 1)
        places.append(str(place))
        what = f"slice {normal} = {place} of the volume"
        tiles.append(draw_tile(stack[place], volume, plane, scale, what))
    real = []
    if reference is not None:
        what = "micrograph" if isinstance(reference, Micrographs) else "reference volume"
        for image in choose_evenly(choose_real(plane, volumes[0], reference), PER_PLANE):
            real.append(draw_tile(image, reference, plane, scale, f"{what}, plane {plane}"))
    of = "volume" if len(volumes) == 1 else f"volumes {', '.join(map(str, samples))}"
    return Row(plane, right, down, real, tiles, f"{of} at {normal} = {', '.join(places)}")


def choose_real(plane: str, volume: Volume, reference: Volume | Micrographs) -> list[Labels]:
    """Pieces of the reference of the size of the volume's slices."""
    if isinstance(reference, Micrographs):
        return cut_windows(reference, plane, volume.shape) if plane in reference.planes else []
    stack = np.moveaxis(reference.labels, NORMAL[plane], 0)
    a, b = (volume.shape[axis] for axis in in_plane(plane))
    return [image[:a, :b] for image in choose_evenly(list(stack), PER_PLANE)]


def choose_evenly(items: Sequence[Item], count: int, *, repeat: bool = False) -> list[Item]:
    """So many of the items, evenly spread; with `repeat` some twice when there are fewer."""
    if not repeat:
        count = min(count, len(items))
    return [items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count)]


def draw_tile(image: Labels, of: Volume | Micrographs, plane: str, scale: float, what: str) -> Tile:
    """An image of a plane, coloured; longer sides than 384 pixels are cropped."""
    image = _crop_middle(image)
    shares = np.bincount(image.ravel(), minlength=len(of.phases)) / image.size
    said = ", ".join(f"{name} {share:.0%}" for name, share in zip(of.phases, shares, strict=True))
    height, width = (
        side * of.voxel_size[axis] * scale
        for side, axis in zip(image.shape, in_plane(plane), strict=True)
    )
    return Tile(
        encode_uri("image/png", encode_png(image, pick_colours(len(of.phases)))),
        width,
        height,
        f"{what}: {said}",
        width >= image.shape[1],
    )


def _crop_middle(image: Labels) -> Labels:
    top, left = (max(0, side - MOST) // 2 for side in image.shape)
    return image[top : top + MOST, left : left + MOST]


def encode_uri(kind: str, content: bytes) -> str:
    """The content itself as an address, so that the page needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def choose_unit(voxel_size: Sequence[float]) -> tuple[float, str]:
    """Length in metres and name of the unit to write lengths in; voxels when nothing is known."""
    if tuple(voxel_size) == (1.0, 1.0, 1.0):
        return 1.0, "voxels"
    span = 64 * max(voxel_size)
    for size, name in ((1.0, "m"), (1e-3, "mm"), (1e-6, "µm")):
        if span >= size:
            return size, name
    return 1e-9, "nm"


def format_length(length: float, voxel_size: Sequence[float]) -> str:
    """A length with its unit."""
    size, name = choose_unit(voxel_size)
    return f"{length / size:.4g} {name}"
