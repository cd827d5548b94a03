"""Volumes as cubes and slices, for a figure on paper."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from recon.core import Volume
from recon.core.data.planes import NORMAL

COLOURS = ("#1a2b4d", "#f4b248", "#3fa68f", "#c0504d")
SHADES = (1.0, 0.86, 0.72)  # top, front, side
SLANT = 0.42


def cube(axes: Axes, volume: Volume, title: str = "") -> None:
    """Three faces in oblique projection: z up, x to the right, y backwards."""
    labels = volume.labels
    z, y, x = labels.shape
    across, up = np.meshgrid(np.arange(x + 1.0), np.arange(z + 1.0))
    _face(axes, across, up, labels[::-1, 0, :], SHADES[1], volume)
    right, back = np.meshgrid(np.arange(x + 1.0), np.arange(y + 1.0))
    _face(axes, right + SLANT * back, z + SLANT * back, labels[0, :, :], SHADES[0], volume)
    back, up = np.meshgrid(np.arange(y + 1.0), np.arange(z + 1.0))
    _face(axes, x + SLANT * back, up + SLANT * back, labels[::-1, :, -1], SHADES[2], volume)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(title, fontsize=8)


def _face(
    axes: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    labels: NDArray[np.uint8],
    shade: float,
    volume: Volume,
) -> None:
    axes.pcolormesh(x, y, labels, rasterized=True, **_coloured(volume, shade))


def cut(axes: Axes, volume: Volume, plane: str, title: str = "", place: float = 0.5) -> None:
    """One slice of a volume."""
    stack = np.moveaxis(volume.labels, NORMAL[plane], 0)
    image(axes, stack[int(place * len(stack))], volume, title)


def image(axes: Axes, labels: NDArray[np.uint8], of: Volume, title: str = "") -> None:
    """One slice, its rows downwards."""
    axes.imshow(labels, interpolation="nearest", **_coloured(of, 1.0))
    axes.axis("off")
    axes.set_title(title, fontsize=7)


def _coloured(volume: Volume, shade: float):  # type: ignore[no-untyped-def]
    count = len(volume.phases)
    shaded = [
        tuple(shade * int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        for colour in COLOURS[:count]
    ]
    return {"cmap": ListedColormap(shaded), "vmin": -0.5, "vmax": count - 0.5}
