"""A measured slice that a volume is to contain voxel for voxel, and how one writes it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from recon.core.data.planes import NORMAL, PLANES
from recon.core.errors import ReconError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PATTERN = re.compile(r"(\w+):(\d+)=(.+)", re.DOTALL)


@attrs.frozen(eq=False)
class Anchor:
    """One slice: `plane` at `place` along its normal holds the labels (a, b) uint8."""

    plane: str
    place: int
    labels: "NDArray[np.uint8]"

    @property
    def normal(self) -> int:
        """The axis across the slice: 0 = z, 1 = y, 2 = x."""
        return NORMAL[self.plane]

    @property
    def name(self) -> str:
        """As one writes it: xy:12."""
        return f"{self.plane}:{self.place}"


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
