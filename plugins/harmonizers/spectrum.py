"""Spectrum of a volume from the covariance of its planes, and the filter that follows from it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attrs
import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.planes import NORMAL
from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs import Read, SlabField, Slabs, Stored, as_slabs
from recon.core.sampling.slabs.field import Field
from recon.plugins.harmonizers.extension import extended


@attrs.frozen(eq=False)
class Spectrum:
    """Power of every wave of a volume and of its slices; unit white noise has power 1.

    grid   sides of the periodic grid, padded on the axes that are not periodic
    shape  sides of the volume, which is the first corner of the grid
    power  p3: (C, Z, Y, X // 2 + 1) of the grid; a volume in slabs keeps it in slabs along y
    p2     plane -> the same with 1 along its normal: the mean of p3 over that wave number
    """

    grid: tuple[int, int, int]
    shape: tuple[int, int, int]
    power: Tensor | Stored
    p2: dict[str, Tensor]

    @property
    def p3(self) -> Tensor:
        """The power of a volume that is not in slabs."""
        assert isinstance(self.power, Tensor)
        return self.power

    @classmethod
    def of(
        cls, covariance: dict[str, NDArray[np.float64]], scene: Scene, cutoff: float, floor: float
    ) -> "Spectrum":
        """Extend the covariance of the planes to the grid of a scene.

        cutoff  least correlation that counts;  floor  least power of a wave
        """
        lags = [extended(covariance, c, cutoff) for c in range(scene.shape[0])]
        reach = [max(rho.shape[axis] for rho in lags) // 2 for axis in range(3)]
        grid = padded(scene.shape[1:], scene.periodic, reach)
        p3, p2 = powers([Covariance.of(rho, grid) for rho in lags], floor, scene)
        return cls(grid, scene.shape[1:], p3, p2)

    def coloured(self, white: Field) -> Field:
        """Field (C, *shape) of this spectrum from white noise (C, *grid)."""
        return self.multiplied(white, lambda p3, low, high: p3.sqrt())

    def gain(self, s2: float, planes: Sequence[str], h_max: float) -> "Gain":
        """H = (1 - G3) / mean_c(1 - G2_c) at noise variance s2, at most h_max (0: no limit)."""

        def gain(p3: Tensor, low: int, high: int) -> Tensor:
            p2 = (self._rows(plane, low, high) for plane in planes)
            inverse = sum(1 / (power + s2) for power in p2) / len(planes)
            h: Tensor = 1 / ((p3 + s2) * inverse)
            return h.clamp(max=h_max) if h_max > 0 else h

        return gain

    def filtered(self, residual: Field, gain: "Gain") -> Field:
        """Filter a field (C, *shape), continued by reflection to the grid."""
        return self.multiplied(residual, gain)

    def multiplied(self, field: Field, factor: "Gain") -> Field:
        """A field of the grid, or of the volume and then continued to the grid by reflection, with
        its waves multiplied by a factor; (C, *shape)."""
        height = self.grid[1]
        if isinstance(field, Tensor):
            waves = self._along_z(self._waves(field), factor, 0, height)
            return self._voxels(waves)
        return self._multiplied_in_slabs(as_slabs(field), factor)

    def _multiplied_in_slabs(self, field: SlabField, factor: "Gain") -> SlabField:
        channels, height, half = field.shape[0], self.grid[1], self.grid[2] // 2 + 1
        make: Read = partial(self._waves_of_slab, field)
        shape = (channels, field.shape[1], height, half)
        across = field.slabs.store(shape, torch.complex64, 0, make).along(1)
        make = partial(self._of_slab, across, factor)
        shape = (channels, self.shape[0], height, half)
        back = field.slabs.store(shape, torch.complex64, 1, make).along(0)
        return SlabField(
            field.slabs, (channels, *self.shape), lambda a, b: self._voxels(back(a, b))
        )

    def _waves_of_slab(self, field: SlabField, low: int, high: int) -> Tensor:
        return self._waves(field.slab(low, high))

    def _of_slab(self, read: Read, factor: "Gain", low: int, high: int) -> Tensor:
        return self._along_z(read(low, high), factor, low, high)

    def _waves(self, field: Tensor) -> Tensor:
        """Waves along y and x of the planes of a field."""
        # Contiguous, here and below: MKL rounds by strides, and those of slabs are their own.
        waves: Tensor = torch.fft.rfftn(self._continued(field, (1, 2)).contiguous(), dim=(2, 3))
        return waves

    def _along_z(self, waves: Tensor, factor: "Gain", low: int, high: int) -> Tensor:
        """Multiply the waves (C, n, high - low, X // 2 + 1) by a factor, there and back along z."""
        p3 = self.power if isinstance(self.power, Tensor) else self.power.along(1)(low, high)
        waves = torch.fft.fft(self._continued(waves, (0,)).contiguous(), dim=1)
        waves = torch.fft.ifft(waves * factor(p3, low, high), dim=1)
        return waves[:, : self.shape[0]].contiguous()

    def _voxels(self, waves: Tensor) -> Tensor:
        _, height, width = self.shape
        field: Tensor = torch.fft.irfftn(waves, self.grid[1:], (2, 3))
        return field[:, :, :height, :width]

    def _continued(self, field: Tensor, axes: Sequence[int]) -> Tensor:
        for axis in axes:
            full = self.grid[axis]
            if field.shape[axis + 1] < full:
                index = reflection(field.shape[axis + 1], full).to(field.device)
                field = field.index_select(axis + 1, index)
        return field

    def _rows(self, plane: str, low: int, high: int) -> Tensor:
        """The power of a plane's waves at some wave numbers along y."""
        p2 = self.p2[plane]
        return p2[:, :, low:high] if p2.shape[2] > 1 else p2


Power = NDArray[np.float64]
Gain = Callable[[Tensor, int, int], Tensor]
"""Factor of the waves given their power p3 (C, Z, high - low, X // 2 + 1), from low to high in y"""


@attrs.frozen(eq=False)
class Covariance:
    """Covariance of one channel on the grid, as waves along y and x, and lags along z."""

    grid: tuple[int, int, int]
    variance: float
    waves: NDArray[np.complex128]

    @classmethod
    def of(cls, rho: NDArray[np.float64], grid: tuple[int, int, int]) -> "Covariance":
        """From the lags about its middle."""
        z, y, x = (side // 2 for side in rho.shape)
        return cls(grid, float(rho[z, y, x]), scipy.fft.rfft2(fold(rho, (1, 2), grid)))

    def power(self, low: int, high: int, floor: float) -> Power:
        """Spectrum (Z, high - low, X // 2 + 1), none below the floor.

        The extended covariance need not be one: it may have waves of negative power.
        """
        waves = fold(self.waves[:, low:high], (0,), self.grid)
        return np.asarray(np.maximum(scipy.fft.fft(waves, axis=0).real, floor))


def powers(
    channels: Sequence[Covariance], floor: float, scene: Scene
) -> tuple[Tensor | Stored, dict[str, Tensor]]:
    """p3 and p2 of a spectrum.

    What lifting waves to the floor adds is taken from all, so that the mean over the waves is the
    variance.
    """
    grid, slabs = channels[0].grid, scene.slabs
    means = [_means(covariance, floor, slabs) for covariance in channels]
    weight = wave_weights(grid[2])
    scales = [
        covariance.variance / float((mean["xy"][0] @ weight).mean())
        for covariance, mean in zip(channels, means, strict=True)
    ]
    p2 = {
        plane: _tensor(
            [scale * mean[plane] for scale, mean in zip(scales, means, strict=True)], scene.device
        )
        for plane in NORMAL
    }

    def p3(low: int, high: int) -> Tensor:
        found = [s * c.power(low, high, floor) for s, c in zip(scales, channels, strict=True)]
        return _tensor(found, scene.device)

    if slabs is None:
        return p3(0, grid[1]), p2
    shape = (len(channels), grid[0], grid[1], len(weight))
    return slabs.store(shape, torch.float32, 1, p3), p2


def wave_weights(side: int) -> Power:
    """Share of each wave along x, of which half are stored, in the mean over all."""
    weight = np.full(side // 2 + 1, 2.0)
    weight[0] = 1.0
    if side % 2 == 0:
        weight[-1] = 1.0
    return weight / side


def _means(covariance: Covariance, floor: float, slabs: Slabs | None) -> dict[str, Power]:
    """Mean power over the wave number along the normal of each plane, with 1 along it.

    Sums go row by row along y, so that slabs do not change them.
    """
    z, y, x = covariance.grid
    weight = wave_weights(x)
    xy, yz, xz = [], [], np.zeros((z, len(weight)))
    for low, high in [(0, y)] if slabs is None else slabs.bounds(y):
        power = covariance.power(low, high, floor)
        xy.append(power.mean(0))
        yz.append(power @ weight)
        for row in range(high - low):
            xz += power[:, row]
    parts = [(np.concatenate(xy), np.concatenate(yz, 1), xz)]
    if slabs is not None:
        parts = slabs.all_gather(parts[0])
    in_yz = np.concatenate([part[1] for part in parts], 1)
    # The stored half along x stands for both signs of the other two wave numbers.
    mirrored = np.roll(in_yz[::-1, ::-1], (1, 1), (0, 1))
    return {
        "xy": np.concatenate([part[0] for part in parts])[None],
        "xz": np.sum([part[2] for part in parts], 0)[:, None] / y,
        "yz": (in_yz + mirrored)[:, :, None] / 2,
    }


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


def fold(lags: NDArray[Any], axes: Sequence[int], grid: tuple[int, int, int]) -> NDArray[Any]:
    """Lags about their middle on a periodic grid along axes: the sum over all images of each."""
    for axis in axes:
        along = np.moveaxis(lags, axis, 0)
        folded = np.zeros((grid[axis], *along.shape[1:]), along.dtype)
        np.add.at(folded, (np.arange(len(along)) - len(along) // 2) % grid[axis], along)
        lags = np.moveaxis(folded, 0, axis)
    return lags


def _tensor(channels: list[NDArray[np.float64]], device: str) -> Tensor:
    return torch.as_tensor(np.stack(channels), dtype=torch.float32, device=device)
