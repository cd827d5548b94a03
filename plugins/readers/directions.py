"""Where the axes of an image point in space, as NRRD, MetaImage and VTK say it."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.core.kinds.reader import damage_error

STRAIGHT = 0.999
"""Share of a direction along one axis of space from which it counts as that axis."""


def find_order(directions: Sequence[NDArray[Any] | None], path: Path) -> list[int]:
    """Places of x, y (and z) among the axes as stored; mirrored axes stay.

    directions  of each axis as stored, of any length; None where it is unknown
    """
    natural = list(range(len(directions)))
    if any(v is None or len(v) < len(natural) for v in directions):
        return natural
    axes = []
    for vector in directions:
        assert vector is not None  # seen above
        length = float(np.linalg.norm(vector))
        if length == 0:
            raise damage_error(path, "a space direction of it is zero")
        axes.append(int(np.abs(vector).argmax()))
        if np.abs(vector).max() < STRAIGHT * length:
            warnings.warn(f"{path}: its axes are rotated in space; they are kept as stored",
                          stacklevel=2)  # fmt: skip
            return natural
    if len(set(axes)) < len(axes):
        raise damage_error(path, "two of its axes have one direction")
    return sorted(natural, key=lambda place: axes[place])
