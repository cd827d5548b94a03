"""Spectrum of a volume from the covariance of its planes, and the filter that follows from it."""

from collections.abc import Sequence

import attrs
import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.planes import NORMAL
from recon.core.scene import Scene
from recon.plugins.harmonizers.extension import extended

AXES = (1, 2, 3)


@attrs.frozen(eq=False)
class Spectrum:
    """Power of every wave of a volume and of its slices; unit white noise has power 1.

    grid   sides of the periodic grid, padded on the axes that are not periodic
    shape  sides of the volume, which is the first corner of the grid
    p3     (C, Z, Y, X // 2 + 1) of the grid
    p2     plane -> the same with 1 along its normal: the mean of p3 over that wave number
    """

    grid: tuple[int, int, int]
    shape: tuple[int, int, int]
    p3: Tensor
    p2: dict[str, Tensor]

    @classmethod
    def of(
        cls, covariance: dict[str, NDArray[np.float64]], scene: Scene, cutoff: float, floor: float
    ) -> "Spectrum":
        """Extend the covariance of the planes to the grid of a scene.

        cutoff  least correlation that counts;  floor  least power of a wave
        """
        lags = [extended(covariance, c, cutoff) for c in range(scene.shape[0])]
        reach = [max(rho.shape[axis] for rho in lags) // 2 for axis in range(3)]
        shape = scene.shape[1:]
        grid = padded(shape, scene.periodic, reach)
        powers = [positive(fold(rho, grid), variance(rho), floor) for rho in lags]
        p2 = {
            plane: _tensor([slice_power(p, grid, normal) for p in powers], scene.device)
            for plane, normal in NORMAL.items()
        }
        return cls(grid, shape, _tensor(powers, scene.device), p2)

    def coloured(self, white: Tensor) -> Tensor:
        """Field (C, *shape) of this spectrum from white noise (C, *grid)."""
        amplitude = self.p3.to(white.dtype).sqrt()
        field: Tensor = torch.fft.irfftn(
            amplitude * torch.fft.rfftn(white, dim=AXES), self.grid, AXES
        )
        z, y, x = self.shape
        return field[:, :z, :y, :x]

    def gain(self, s2: float, planes: Sequence[str], h_max: float) -> Tensor:
        """H = (1 - G3) / mean_c(1 - G2_c) at noise variance s2, at most h_max (0: no limit)."""
        inverse = sum(1 / (self.p2[plane] + s2) for plane in planes) / len(planes)
        h: Tensor = 1 / ((self.p3 + s2) * inverse)
        return h.clamp(max=h_max) if h_max > 0 else h

    def filtered(self, residual: Tensor, gain: Tensor) -> Tensor:
        """Filter a field (C, *shape), continued by reflection to the grid."""
        for axis, (side, full) in enumerate(zip(self.shape, self.grid, strict=True), 1):
            if full > side:
                index = reflection(side, full).to(residual.device)
                residual = residual.index_select(axis, index)
        waves = torch.fft.rfftn(residual, dim=AXES) * gain.to(residual.dtype)
        z, y, x = self.shape
        result: Tensor = torch.fft.irfftn(waves, self.grid, AXES)
        return result[:, :z, :y, :x]


def padded(
    shape: tuple[int, int, int], periodic: tuple[bool, bool, bool], reach: Sequence[int]
) -> tuple[int, int, int]:
    """Sides of the grid: longer by the reach of the correlation where the volume must not wrap."""
    z, y, x = (
        side if wraps else scipy.fft.next_fast_len(side + lag, True)
        for side, wraps, lag in zip(shape, periodic, reach, strict=True)
    )
    return z, y, x


def reflection(side: int, full: int) -> Tensor:
    """Index that continues a line beyond its end, there and back again until it closes.

    The voxels after the last mirror the end, those before the first (at the end of the grid)
    mirror the beginning.
    """
    places = np.arange(full)
    places[side + (full - side + 1) // 2 :] -= full
    places = places % (2 * side)
    return torch.as_tensor(np.minimum(places, 2 * side - 1 - places))


def fold(rho: NDArray[np.float64], grid: tuple[int, int, int]) -> NDArray[np.float64]:
    """Covariance about its middle on a periodic grid: the sum over all images of every lag."""
    for axis, side in enumerate(grid):
        lags = np.moveaxis(rho, axis, 0)
        folded = np.zeros((side, *lags.shape[1:]))
        np.add.at(folded, (np.arange(len(lags)) - len(lags) // 2) % side, lags)
        rho = np.moveaxis(folded, 0, axis)
    return rho


def variance(rho: NDArray[np.float64]) -> float:
    """Covariance at lag 0, in the middle."""
    z, y, x = (side // 2 for side in rho.shape)
    return float(rho[z, y, x])


def positive(covariance: NDArray[np.float64], variance: float, floor: float) -> NDArray[np.float64]:
    """Spectrum (Z, Y, X // 2 + 1) of a covariance on the grid, none below the floor.

    The extended covariance need not be one: it may have waves of negative power. What lifting
    them adds is taken from all, so that the mean over the waves is the variance.
    """
    power = np.maximum(scipy.fft.rfftn(covariance).real, floor)
    return np.asarray(power * (variance / scipy.fft.irfftn(power, covariance.shape)[0, 0, 0]))


def slice_power(
    power: NDArray[np.float64], grid: tuple[int, int, int], normal: int
) -> NDArray[np.float64]:
    """Spectrum of a slice: the mean of the volume's over the wave number along the normal."""
    if normal < 2:
        return np.asarray(power.mean(normal, keepdims=True))
    plane = scipy.fft.irfftn(power, grid)[:, :, :1]
    return np.asarray(scipy.fft.fft2(plane, axes=(0, 1)).real)


def _tensor(channels: list[NDArray[np.float64]], device: str) -> Tensor:
    return torch.as_tensor(np.stack(channels), dtype=torch.float32, device=device)
