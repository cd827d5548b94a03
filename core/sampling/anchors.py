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
from recon.core.sampling.slabs.operations import F, as_tensor

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
class EncodedAnchor:
    """An anchor as the sampler sees it: `values` (C, a, b) at `place` along axis `normal`."""

    normal: int
    place: int
    values: Tensor


def encode_anchors(
    anchors: Sequence[Anchor], phases: int, device: str
) -> tuple[EncodedAnchor, ...]:
    """The anchors encoded for the field of a material of so many phases."""
    return tuple(
        EncodedAnchor(a.normal, a.place, encode(torch.as_tensor(a.labels, device=device), phases))
        for a in anchors
    )


def impose_anchors(field: F, anchors: Sequence[EncodedAnchor]) -> F:
    """The field (C, Z, Y, X) with the anchors in their places; changed in place.

    With anchors it must be a tensor.
    """
    for anchor in anchors:
        as_tensor(field).select(anchor.normal + 1, anchor.place).copy_(anchor.values)
    return field


def parse_anchor(text: str) -> tuple[str, int, str]:
    """Plane, place and path of PLANE:PLACE=PATH."""
    match = PATTERN.fullmatch(text)
    if match is None or match[1] not in PLANES:
        raise ReconError(
            f"anchor must be PLANE:PLACE=IMAGE such as xy:12=slice.tif, the plane one of "
            f"{', '.join(PLANES)}, got {text!r}"
        )
    return match[1], int(match[2]), match[3]


def make_anchor_absolute(text: str) -> str:
    """PLANE:PLACE=PATH with a path that holds from anywhere."""
    plane, place, path = parse_anchor(text)
    return f"{plane}:{place}={Path(path).absolute()}"
