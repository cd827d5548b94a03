"""Anchors from label images."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.core.data.anchor import Anchor, parse_anchor
from recon.core.data.planes import AXES, NORMAL, in_plane
from recon.core.errors import ReconError
from recon.core.readers import read_image


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
        plane, place, path = parse_anchor(text)
        name, side = f"anchor {plane}:{place}", shape[NORMAL[plane]]
        if place >= side:
            raise ReconError(
                f"{name}: place must be in [0, {side - 1}] along {AXES[NORMAL[plane]]}, got "
                f"{place}; move it or give a larger shape="
            )
        anchors.append(Anchor(plane, place, _read_labels(name, Path(path), phases)))
        _check_size(anchors[-1], shape)
    _check_crossings(anchors)
    return tuple(anchors)


def _read_labels(name: str, path: Path, phases: int) -> NDArray[np.uint8]:
    """A label image: 0..K-1 as they are, other K values in ascending order."""
    slices = read_image(path).slices
    if len(slices) != 1:
        raise ReconError(f"{name}: image must be one slice, got {len(slices)} in {path}")
    image: NDArray[Any] = slices[0]
    values = np.unique(image)
    whole = image.dtype.kind in "iu"
    if whole and values[-1] < phases and values[0] >= 0:
        return image.astype(np.uint8)
    if whole and len(values) == phases:
        return np.searchsorted(values, image).astype(np.uint8)
    got = f"{len(values)} values" if len(values) > 8 else f"values {', '.join(map(str, values))}"
    raise ReconError(
        f"{name}: image must hold the labels 0..{phases - 1} of the material, got {got} in "
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
            f"{want[1]} ({AXES[rows]}, {AXES[columns]}), got {got}; crop it or give "
            f"shape={tuple(sides)}"
        )


def _check_crossings(anchors: Sequence[Anchor]) -> None:
    for one, other in combinations(anchors, 2):
        if (one.plane, one.place) == (other.plane, other.place):
            raise ReconError(f"anchor {one.name} is given twice; leave one of them out")
        if one.plane == other.plane:
            continue
        wrong = int((_extract_line(one, other) != _extract_line(other, one)).sum())
        if wrong:
            raise ReconError(
                f"anchors {one.name} and {other.name} must agree on the line where they cross, "
                f"got {wrong} voxels that differ; move one of them"
            )


def _extract_line(anchor: Anchor, other: Anchor) -> NDArray[np.uint8]:
    """The voxels of an anchor on the line where another one crosses it."""
    axis = in_plane(anchor.plane).index(other.normal)
    return np.asarray(anchor.labels.take(other.place, axis))
