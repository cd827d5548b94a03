"""Measured slices that a volume is to contain voxel for voxel."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.encoding import encode
from recon.core.data.planes import NORMAL, PLANES
from recon.core.errors import ReconError

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
