"""Planes and axes, and the slices of a volume.

Arrays are (z, y, x). Plane "xy" is normal to z, its slices are (y, x); "xz" is normal to y,
its slices are (z, x); "yz" is normal to x, its slices are (z, y).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

PLANES = ("xy", "xz", "yz")
AXES = ("z", "y", "x")
NORMAL = {"xy": 0, "xz": 1, "yz": 2}


def turn_planes(planes: tuple[str, ...], turn: int) -> tuple[str, ...]:
    """The planes that follow these after so many turns: xy, xz, yz, xy, ..."""
    return tuple(PLANES[(PLANES.index(plane) + turn) % len(PLANES)] for plane in planes)


def in_plane(plane: str) -> tuple[int, int]:
    """The two volume axes (0 = z, 1 = y, 2 = x) that the rows and columns of a slice run along."""
    first, second = (axis for axis in range(3) if axis != NORMAL[plane])
    return first, second


def slices(volume: "Tensor", plane: str) -> "Tensor":
    """View of a (C, Z, Y, X) field as the slices (n, C, a, b) of a plane."""
    return volume.movedim(NORMAL[plane] + 1, 0)
