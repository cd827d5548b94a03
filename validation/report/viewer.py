"""Labels for the slice viewers of the page: zlib and base64 in JSON, decoded by viewer.js."""

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.colours import pick_colours
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import AXES, NORMAL, PLANES, in_plane
from recon.core.data.volume import Volume
from recon.validation.report.tiles import choose_evenly, choose_unit
from recon.validation.windows import cut_windows

Labels = NDArray[np.uint8]
Box = tuple[slice, slice, slice]

SIDE = 256  # voxels of a volume shown along one axis
VOXELS = 2**24  # of all volumes together
VOLUMES = 16
IMAGES = 64  # of the reference on one plane
PIXELS = 2**20  # of them together
LEVEL = 6  # of zlib; 9 saves a tenth of the size and takes 25 times as long


@attrs.frozen
class Slider:
    """What one plane's viewer moves through.

    axis, count, first  along the normal of the volume;  images  how many of the reference
    """

    plane: str
    right: str
    down: str
    axis: str
    count: int
    first: int
    images: int


@attrs.frozen
class Viewer:
    """What the page needs to draw any slice.

    json   safe inside a script element;  volumes  names of those in it
    notes  what was left out to bound the page, a sentence each
    """

    json: str
    sliders: list[Slider]
    volumes: list[str]
    notes: list[str]


def build_viewer(volumes: Sequence[Volume], reference: Volume | Micrographs | None) -> Viewer:
    """Volumes of one shape, and images of the reference no larger than their slices."""
    first = volumes[0]
    box = _crop_middle(first.shape)
    shown = first.labels[box].shape
    number = max(1, min(len(volumes), VOLUMES, VOXELS // int(np.prod(shown))))
    names = [f"volume {i}" for i in range(number)] if len(volumes) > 1 else ["volume"]
    planes = {} if reference is None else {p: _choose_images(p, first, reference) for p in PLANES}
    size, name = choose_unit(first.voxel_size)
    content = {
        "colours": pick_colours(len(first.phases)),
        "phases": list(first.phases),
        "unit": name,
        "voxel": [edge / size for edge in first.voxel_size],
        "shape": list(shown),
        "first": [side.start for side in box],
        "volumes": [_pack(volume.labels[box]) for volume in volumes[:number]],
        "planes": {plane: _join(images) for plane, images in planes.items() if images},
    }
    sliders = [
        Slider(
            plane,
            AXES[in_plane(plane)[1]],
            AXES[in_plane(plane)[0]],
            AXES[NORMAL[plane]],
            shown[NORMAL[plane]],
            box[NORMAL[plane]].start,
            len(planes.get(plane, [])),
        )
        for plane in PLANES
    ]
    text = json.dumps(content).replace("<", "\\u003c")
    return Viewer(text, sliders, names, _list_notes(first, shown, number, len(volumes)))


def _list_notes(first: Volume, shown: tuple[int, ...], number: int, of: int) -> list[str]:
    notes = []
    if shown != first.shape:
        voxels = " × ".join(map(str, shown))
        notes.append(f"The middle {voxels} voxels (z, y, x), so that the page stays small.")
    if number < of:
        notes.append(f"The first {number} of {of} volumes, so that the page stays small.")
    return notes


def _crop_middle(shape: tuple[int, int, int]) -> Box:
    starts = [max(0, side - SIDE) // 2 for side in shape]
    z, y, x = (slice(a, a + min(n, SIDE)) for a, n in zip(starts, shape, strict=True))
    return z, y, x


def _choose_images(
    plane: str, volume: Volume, reference: Volume | Micrographs
) -> list[tuple[str, Labels]]:
    """Some images of the reference on a plane, and what they are."""
    shown = volume.labels[_crop_middle(volume.shape)].shape
    z, y, x = shown
    if isinstance(reference, Volume):
        return _list_slices(plane, (z, y, x), reference)
    if plane not in reference.planes:
        return []
    windows = list(_list_windows(plane, (z, y, x), reference))
    a, b = (shown[axis] for axis in in_plane(plane))
    return choose_evenly(windows, max(1, min(IMAGES, PIXELS // (a * b))))


def _list_windows(
    plane: str, shape: tuple[int, int, int], micrographs: Micrographs
) -> Iterator[tuple[str, Labels]]:
    stack = micrographs.planes[plane]
    for number, image in enumerate(stack, start=1):
        alone = Micrographs({plane: [image]}, micrographs.voxel_size, micrographs.phases)
        windows = cut_windows(alone, plane, shape)
        for part, window in enumerate(windows, start=1):
            of = f", part {part} of {len(windows)}" if len(windows) > 1 else ""
            yield f"micrograph {number} of {len(stack)}{of}", window


def _list_slices(
    plane: str, shape: tuple[int, int, int], reference: Volume
) -> list[tuple[str, Labels]]:
    """Slices of a reference volume, its middle as large as the volume's."""
    normal = NORMAL[plane]
    stack = np.moveaxis(reference.labels, normal, 0)
    wanted = [shape[axis] for axis in in_plane(plane)]
    top, left = (max(0, n - w) // 2 for n, w in zip(stack.shape[1:], wanted, strict=True))
    some = choose_evenly(range(len(stack)), max(1, min(IMAGES, PIXELS // int(np.prod(wanted)))))
    size, name = choose_unit(reference.voxel_size)
    edge = reference.voxel_size[normal] / size
    return [
        (
            f"reference at {AXES[normal]} = {at}"
            + ("" if name == "voxels" else f", {at * edge:.4g} {name}"),
            stack[at, top : top + wanted[0], left : left + wanted[1]],
        )
        for at in some
    ]


def _join(images: Sequence[tuple[str, Labels]]) -> dict[str, Any]:
    """Images one after the other, which compress better than each by itself."""
    return {
        "said": [said for said, _ in images],
        "shapes": [list(image.shape) for _, image in images],
        "labels": _pack(np.concatenate([image.ravel() for _, image in images])),
    }


def _pack(labels: Labels) -> str:
    return base64.b64encode(zlib.compress(labels.tobytes(), LEVEL)).decode("ascii")
