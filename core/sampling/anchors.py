"""Measured slices that a volume is to contain voxel for voxel."""

import hashlib
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.encoding import encode
from recon.core.data.planes import AXES, NORMAL, PLANES, in_plane
from recon.core.errors import ReconError
from recon.imaging.images import read_image

PATTERN = re.compile(r"(\w+):(\d+)=(.+)", re.DOTALL)


@attrs.frozen(eq=False)
class Anchor:
    """One slice: `plane` at `place` along its normal holds the labels (a, b) uint8."""

    plane: str
    place: int
    labels: NDArray[np.uint8]

    @property
    def normal(self) -> int:
        """The axis across the slice: 0 = z, 1 = y, 2 = x."""
        return NORMAL[self.plane]

    @property
    def name(self) -> str:
        """As one writes it: xy:12."""
        return f"{self.plane}:{self.place}"

    @property
    def sha256(self) -> str:
        """Of the labels, for the provenance."""
        return hashlib.sha256(self.labels.tobytes()).hexdigest()


@attrs.frozen(eq=False)
class Pinned:
    """An anchor as the sampler sees it: `values` (C, a, b) at `place` along axis `normal`."""

    normal: int
    place: int
    values: Tensor


def pinned(anchors: Sequence[Anchor], phases: int, device: str) -> tuple[Pinned, ...]:
    """The anchors encoded for the field of a material of so many phases."""
    return tuple(
        Pinned(a.normal, a.place, encode(torch.as_tensor(a.labels, device=device), phases))
        for a in anchors
    )


def imposed(field: Tensor, pins: Sequence[Pinned]) -> Tensor:
    """The field (C, Z, Y, X) with the anchors in their places; changed in place."""
    for pin in pins:
        field.select(pin.normal + 1, pin.place).copy_(pin.values)
    return field


def split(text: str) -> tuple[str, int, str]:
    """Plane, place and path of PLANE:PLACE=PATH."""
    match = PATTERN.fullmatch(text)
    if match is None or match[1] not in PLANES:
        raise ReconError(
            f"anchor must be PLANE:PLACE=IMAGE such as xy:12=slice.tif, the plane one of "
            f"{', '.join(PLANES)}, got {text!r}"
        )
    return match[1], int(match[2]), match[3]


def absolute(text: str) -> str:
    """PLANE:PLACE=PATH with a path that holds from anywhere."""
    plane, place, path = split(text)
    return f"{plane}:{place}={Path(path).absolute()}"


def read_anchors(
    texts: Sequence[str], shape: tuple[int, int, int], phases: int
) -> tuple[Anchor, ...]:
    """Read PLANE:PLACE=IMAGE, each a label image of the size of the volume's slice.

    shape   (z, y, x) of the volume;  phases  how many the material has

    Raises ReconError for a place outside, another size, grey images, and anchors that contradict
    each other where they cross.
    """
    anchors = []
    for text in texts:
        plane, place, path = split(text)
        name, side = f"anchor {plane}:{place}", shape[NORMAL[plane]]
        if place >= side:
            raise ReconError(
                f"{name}: place must be in [0, {side - 1}] along {AXES[NORMAL[plane]]}, got "
                f"{place}; move it or give a larger --shape"
            )
        anchors.append(Anchor(plane, place, _labels(name, Path(path), phases)))
        _check_size(anchors[-1], shape)
    _check_crossings(anchors)
    return tuple(anchors)


def _labels(name: str, path: Path, phases: int) -> NDArray[np.uint8]:
    """A label image: 0..K-1 as they are, other K values in ascending order."""
    slices = read_image(path).slices
    if len(slices) != 1:
        raise ReconError(f"{name}: image must be one slice, got {len(slices)} in {path}")
    image = slices[0]
    values = np.unique(image)
    whole = image.dtype.kind in "iu"
    if whole and values[-1] < phases and values[0] >= 0:
        return image.astype(np.uint8)
    if whole and len(values) == phases:
        return np.searchsorted(values, image).astype(np.uint8)
    found = f"{len(values)} values" if len(values) > 8 else f"values {', '.join(map(str, values))}"
    raise ReconError(
        f"{name}: image must hold the labels 0..{phases - 1} of the material, got {found} in "
        f"{path}; segment it with `recon import` and give micrographs.zarr/PLANE/0000"
    )


def _check_size(anchor: Anchor, shape: tuple[int, int, int]) -> None:
    rows, columns = in_plane(anchor.plane)
    want = (shape[rows], shape[columns])
    if anchor.labels.shape != want:
        got = " x ".join(map(str, anchor.labels.shape))
        sides = list(shape)
        sides[rows], sides[columns] = anchor.labels.shape
        raise ReconError(
            f"anchor {anchor.name}: image must have the size of the volume's slice, {want[0]} x "
            f"{want[1]} ({AXES[rows]}, {AXES[columns]}), got {got}; crop it or give --shape "
            f"{' '.join(map(str, sides))}"
        )


def _check_crossings(anchors: Sequence[Anchor]) -> None:
    for one, other in combinations(anchors, 2):
        if (one.plane, one.place) == (other.plane, other.place):
            raise ReconError(f"anchor {one.name} is given twice; leave one of them out")
        if one.plane == other.plane:
            continue
        wrong = int((_line(one, other) != _line(other, one)).sum())
        if wrong:
            raise ReconError(
                f"anchors {one.name} and {other.name} must agree on the line where they cross, "
                f"got {wrong} voxels that differ; move one of them"
            )


def _line(anchor: Anchor, other: Anchor) -> NDArray[np.uint8]:
    """The voxels of an anchor on the line where another one crosses it."""
    axis = in_plane(anchor.plane).index(other.normal)
    return np.asarray(anchor.labels.take(other.place, axis))
