"""Direction in which a phase changes, from its smoothed mask: normals of a smooth interface.

At every voxel a plane is fitted to the mask by least squares with the weights of a Gaussian; its
slope is the gradient. The window is cut off at the border of the volume, and the plane fitted to
what is inside, so that an interface that meets the border keeps its direction.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

WIDTH = 2.0
"""Standard deviation of the Gaussian in the longest edges of a voxel."""
REACH = 3.0  # standard deviations at which the window ends
Single = NDArray[np.float32]


def gradients(mask: NDArray[np.bool_], edges: Sequence[float], width: float = WIDTH) -> Single:
    """Gradient (3, z, y, x) of a smoothed mask, components z, y, x, per length as in edges.

    edges  of a voxel along z, y, x
    cost   24 bytes a voxel, 1.5 s at 128^3
    """
    sigma = width * max(edges)
    field = mask.astype(np.float32)
    gradient = np.empty((3, *mask.shape), np.float32)
    means = field
    for axis in range(3):
        slope = _slope(means, axis, edges[axis], sigma)
        for rest in range(axis + 1, 3):
            slope = _mean(slope, rest, edges[rest], sigma)
        gradient[axis] = slope
        means = _mean(means, axis, edges[axis], sigma)
    return gradient


def _window(
    count: int, edge: float, sigma: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places and weights along an axis."""
    reach = int(min(np.ceil(REACH * sigma / edge), count - 1))
    places = np.arange(-reach, reach + 1) * float(edge)
    weights: NDArray[np.float64] = np.exp(-((places / sigma) ** 2) / 2)
    return places.astype(np.float64), weights


def _moments(count: int, edge: float, sigma: float) -> list[NDArray[np.float64]]:
    """Weight, mean place and variance of the window at every place of a side, cut off there."""
    places, weights = _window(count, edge, sigma)
    one = np.ones(count)
    sums = [correlate1d(one, weights * places**power, mode="constant") for power in range(3)]
    total, mean = sums[0], sums[1] / sums[0]
    return [total, mean, sums[2] / total - mean**2]


def _along(values: NDArray[np.float64], axis: int) -> Single:
    shape = [1, 1, 1]
    shape[axis] = -1
    return values.reshape(shape).astype(np.float32)


def _mean(field: Single, axis: int, edge: float, sigma: float) -> Single:
    total, _, _ = _moments(field.shape[axis], edge, sigma)
    _, weights = _window(field.shape[axis], edge, sigma)
    mean: Single = correlate1d(field, weights, axis, mode="constant")
    mean /= _along(total, axis)
    return mean


def _slope(field: Single, axis: int, edge: float, sigma: float) -> Single:
    """Slope of the line that is fitted along an axis; zero where there is one place."""
    if field.shape[axis] == 1:
        return np.zeros_like(field)
    total, mean, variance = _moments(field.shape[axis], edge, sigma)
    places, weights = _window(field.shape[axis], edge, sigma)
    slope: Single = correlate1d(field, weights * places, axis, mode="constant")
    level: Single = correlate1d(field, weights, axis, mode="constant")
    level *= _along(mean, axis)
    slope -= level
    slope /= _along(total * variance, axis)
    return slope


def phase_slopes(labels: NDArray[np.uint8], phases: int, edges: Sequence[float]) -> Single:
    """Gradients (phases, 3, z, y, x) of all phases; zeros of one that does not occur."""
    slopes = np.zeros((phases, 3, *labels.shape), np.float32)
    for phase in range(phases):
        mask = labels == phase
        if mask.any():
            slopes[phase] = gradients(mask, edges)
    return slopes
