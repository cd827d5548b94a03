"""Spectrum of a volume from the covariance of its planes, and the filter that follows from it."""

from collections.abc import Callable, Sequence
from functools import partial

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs import Read, SlabField, Stored, as_slabs
from recon.core.sampling.slabs.field import Field
from recon.plugins.harmonizers.extension import extend_covariance
from recon.plugins.harmonizers.grid_covariance import GridCovariance, compute_powers, pad_grid

Gain = Callable[[Tensor, int, int], Tensor]
"""Factor of the waves given their power p3 (C, Z, high - low, X // 2 + 1), from low to high in y"""


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
        cls,
        covariance: dict[str, NDArray[np.float64]],
        scene: Scene,
        min_correlation: float,
        min_power: float,
    ) -> "Spectrum":
        """Extend the covariance of the planes to the grid of a scene.

        min_correlation  least that counts;  min_power  least of a wave
        """
        lags = [extend_covariance(covariance, c, min_correlation) for c in range(scene.shape[0])]
        reach = [max(rho.shape[axis] for rho in lags) // 2 for axis in range(3)]
        grid = pad_grid(scene.shape[1:], scene.periodic, reach)
        p3, p2 = compute_powers([GridCovariance.of(rho, grid) for rho in lags], min_power, scene)
        return cls(grid, scene.shape[1:], p3, p2)

    def colour(self, white: Field) -> Field:
        """Field (C, *shape) of this spectrum from white noise (C, *grid)."""
        return self.multiply_waves(white, lambda p3, low, high: p3.sqrt())

    def wiener_gain(self, s2: float, planes: Sequence[str], h_max: float) -> Gain:
        """H = (1 - G3) / mean_c(1 - G2_c) at noise variance s2, at most h_max (0: no limit)."""

        def gain(p3: Tensor, low: int, high: int) -> Tensor:
            p2 = (self._rows(plane, low, high) for plane in planes)
            inverse = sum(1 / (power + s2) for power in p2) / len(planes)
            h: Tensor = 1 / ((p3 + s2) * inverse)
            return h.clamp(max=h_max) if h_max > 0 else h

        return gain

    def filter(self, residual: Field, gain: Gain) -> Field:
        """Filter a field (C, *shape), continued by reflection to the grid."""
        return self.multiply_waves(residual, gain)

    def multiply_waves(self, field: Field, factor: Gain) -> Field:
        """A field of the grid, or of the volume and then continued to the grid by reflection, with
        its waves multiplied by a factor; (C, *shape)."""
        height = self.grid[1]
        if isinstance(field, Tensor):
            waves = self._multiply_along_z(self._transform(field), factor, 0, height)
            return self._invert(waves)
        return self._multiply_in_slabs(as_slabs(field), factor)

    def _multiply_in_slabs(self, field: SlabField, factor: Gain) -> SlabField:
        channels, height, half = field.shape[0], self.grid[1], self.grid[2] // 2 + 1
        make: Read = partial(self._transform_slab, field)
        shape = (channels, field.shape[1], height, half)
        across = field.slabs.store(shape, torch.complex64, 0, make).along(1)
        make = partial(self._multiply_slab, across, factor)
        shape = (channels, self.shape[0], height, half)
        back = field.slabs.store(shape, torch.complex64, 1, make).along(0)
        return SlabField(
            field.slabs, (channels, *self.shape), lambda a, b: self._invert(back(a, b))
        )

    def _transform_slab(self, field: SlabField, low: int, high: int) -> Tensor:
        return self._transform(field.slab(low, high))

    def _multiply_slab(self, read: Read, factor: Gain, low: int, high: int) -> Tensor:
        return self._multiply_along_z(read(low, high), factor, low, high)

    def _transform(self, field: Tensor) -> Tensor:
        """Waves along y and x of the planes of a field."""
        # Contiguous, here and below: MKL rounds by strides, and those of slabs are their own.
        waves: Tensor = torch.fft.rfftn(self._continue(field, (1, 2)).contiguous(), dim=(2, 3))
        return waves

    def _multiply_along_z(self, waves: Tensor, factor: Gain, low: int, high: int) -> Tensor:
        """Multiply the waves (C, n, high - low, X // 2 + 1) by a factor, there and back along z."""
        p3 = self.power if isinstance(self.power, Tensor) else self.power.along(1)(low, high)
        waves = torch.fft.fft(self._continue(waves, (0,)).contiguous(), dim=1)
        waves = torch.fft.ifft(waves * factor(p3, low, high), dim=1)
        return waves[:, : self.shape[0]].contiguous()

    def _invert(self, waves: Tensor) -> Tensor:
        _, height, width = self.shape
        field: Tensor = torch.fft.irfftn(waves, self.grid[1:], (2, 3))
        return field[:, :, :height, :width]

    def _continue(self, field: Tensor, axes: Sequence[int]) -> Tensor:
        for axis in axes:
            full = self.grid[axis]
            if field.shape[axis + 1] < full:
                index = reflect_index(field.shape[axis + 1], full).to(field.device)
                field = field.index_select(axis + 1, index)
        return field

    def _rows(self, plane: str, low: int, high: int) -> Tensor:
        """The power of a plane's waves at some wave numbers along y."""
        p2 = self.p2[plane]
        return p2[:, :, low:high] if p2.shape[2] > 1 else p2


def reflect_index(side: int, full: int) -> Tensor:
    """Index that continues a line beyond its end, there and back again until it closes.

    The voxels after the last mirror the end, those before the first (at the end of the grid)
    mirror the beginning.
    """
    places = np.arange(full)
    places[side + (full - side + 1) // 2 :] -= full
    places = places % (2 * side)
    return torch.as_tensor(np.minimum(places, 2 * side - 1 - places))
