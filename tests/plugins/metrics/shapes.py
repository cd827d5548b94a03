"""Digitized bodies whose surface is known."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

OFF = 0.13  # of the centre from the middle of the voxels, so that none lies on a surface


def places(shape: tuple[int, ...], edges: tuple[float, ...] = (1, 1, 1)) -> NDArray[np.float64]:
    """Voxel centres (z, y, x, 3) from the middle of the volume."""
    size = np.array(edges, float)
    return (np.moveaxis(np.indices(shape), 0, -1) + 0.5 - np.array(shape) / 2) * size - OFF


def unit(direction: ArrayLike) -> NDArray[np.float64]:
    """A direction of length 1."""
    vector = np.asarray(direction, float)
    return vector / np.linalg.norm(vector)


def ball(radius: float, edges: tuple[float, ...] = (1, 1, 1)) -> tuple[NDArray[np.bool_], float]:
    """A ball in a cube of voxels, and its surface."""
    at = places((int(2 * radius / min(edges)) + 8,) * 3, edges)
    return np.square(at).sum(-1) < radius**2, 4 * np.pi * radius**2


def rod(radius: float, direction: ArrayLike, length: float) -> tuple[NDArray[np.bool_], float]:
    """A cylinder with rounded ends in a cube, and its surface."""
    at, d = places((int(2 * radius + length + 8),) * 3), unit(direction)
    along = np.clip(at @ d, -length / 2, length / 2)
    inside = np.square(at - along[..., None] * d).sum(-1) < radius**2
    return inside, 2 * np.pi * radius * length + 4 * np.pi * radius**2


def plate(half: float, direction: ArrayLike, width: float) -> tuple[NDArray[np.bool_], float]:
    """A round plate with a rounded rim in a cube, and its surface by Steiner's formula."""
    at, d = places((int(2 * half + 2 * width + 8),) * 3), unit(direction)
    height = at @ d
    beyond = np.sqrt(np.maximum(np.square(at).sum(-1) - height**2, 0)) - width
    surface = 2 * np.pi * width**2 + 2 * np.pi**2 * width * half + 4 * np.pi * half**2
    return np.hypot(height, np.maximum(beyond, 0)) < half, surface
