"""Covariance of a volume from that of its planes."""

import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import AXES, NORMAL, in_plane
from recon.core.errors import ReconError

Correlation = NDArray[np.float64]


def extend_covariance(
    covariance: dict[str, NDArray[np.float64]], channel: int, min_correlation: float
) -> NDArray[np.float64]:
    """Covariance (2 lz + 1, 2 ly + 1, 2 lx + 1) of one channel, lag 0 in the middle.

    rho(r) = rho_xy rho_xz rho_yz / (rho_x rho_y rho_z): exact when the logarithm of the
    correlation is a sum over pairs of axes, so for every separable field and for every Gaussian
    shape, tilted or not. It is computed as the product of the three lines with, for each plane,
    the ratio of its correlation to that of its two lines; where a line is lost in the noise the
    ratio tends to 1, and beyond the reach of the line rho is 0. A plane that was not seen is
    taken for separable.

    covariance       plane -> (C, 2 la + 1, 2 lb + 1)
    min_correlation  least that counts
    """
    planes, variance = {}, []
    for plane, values in covariance.items():
        field = values[channel]
        middle = field[field.shape[0] // 2, field.shape[1] // 2]
        planes[plane] = field / max(middle, np.finfo(float).tiny)
        variance.append(middle)
    noise = max(min_correlation, 2 * measure_corner_noise(planes))
    lines = [cut_line(average_line(planes, axis), noise) for axis in range(3)]
    z, y, x = (fade_line(values, noise) for values in lines)
    rho = z[:, None, None] * y[:, None] * x
    for plane, field in planes.items():
        a, b = (lines[axis] for axis in in_plane(plane))
        rho *= np.expand_dims(
            compute_interaction(take_centre(field, len(a), len(b)), a, b, noise), NORMAL[plane]
        )
    return np.asarray(float(np.mean(variance)) * rho.clip(-1, 1))


def average_line(planes: dict[str, Correlation], axis: int) -> Correlation:
    """Correlation along an axis: the mean over the planes that show it, at the lags of all."""
    seen = []
    for plane, field in planes.items():
        if axis in in_plane(plane):
            place = in_plane(plane).index(axis)
            seen.append(np.moveaxis(field, place, 0)[:, field.shape[1 - place] // 2])
    if not seen:
        raise ReconError(
            f"harmonizer spectral: no micrograph shows axis {AXES[axis]}; give a second plane"
        )
    shortest = min(len(values) for values in seen)
    return np.asarray(np.mean([take_centre(values, shortest) for values in seen], 0))


def measure_corner_noise(planes: dict[str, Correlation]) -> float:
    """Root mean square of the correlation at large lags along both axes of a plane.

    There even long fibres are decorrelated, so this is what the finite micrographs leave.
    """
    corners = []
    for field in planes.values():
        a, b = (np.abs(np.arange(side) - side // 2) > side / 3 for side in field.shape)
        corners.append(field[np.ix_(a, b)].ravel())
    values = np.concatenate(corners)
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


def cut_line(values: Correlation, noise: float) -> Correlation:
    """A line up to its reach: the lag where it enters the noise to stay, for half as long again."""
    half = len(values) // 2
    lost = np.abs(values[half:]) <= noise
    for lag in range(1, half - 1):
        if lost[lag : lag + max(3, lag // 2)].all():
            return values[half - lag : half + lag + 1]
    return values


def fade_line(values: Correlation, noise: float) -> Correlation:
    """A line that does not end in the noise, brought to zero over the second half of its lags."""
    half = len(values) // 2
    if abs(values[-1]) <= noise:
        return values
    weight = np.clip(2 * (1 - np.abs(np.arange(-half, half + 1)) / (half + 1)), 0, 1)
    return np.asarray(values * (0.5 - 0.5 * np.cos(np.pi * weight)))


def compute_interaction(
    field: Correlation, a: Correlation, b: Correlation, noise: float
) -> Correlation:
    """Ratio of a plane's correlation to that of its lines, 1 where these are below the noise."""
    separable = a[:, None] * b
    trust = (a**2 / (a**2 + noise**2))[:, None] * (b**2 / (b**2 + noise**2))
    safe = np.where(separable == 0, 1.0, separable)
    return np.asarray(1 + np.where(separable == 0, 0.0, trust * (field / safe - 1)))


def take_centre(values: NDArray[np.float64], *sides: int) -> NDArray[np.float64]:
    """The middle part of the given odd sides."""
    cut = [(have - want) // 2 for have, want in zip(values.shape, sides, strict=True)]
    return values[tuple(slice(c, c + side) for c, side in zip(cut, sides, strict=True))]
