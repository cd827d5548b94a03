"""Power of the waves of a volume on its grid, from the covariance at all lags."""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.planes import NORMAL
from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs import Slabs, Stored

Power = NDArray[np.float64]


@attrs.frozen(eq=False)
class GridCovariance:
    """Covariance of one channel on the grid, as waves along y and x, and lags along z."""

    grid: tuple[int, int, int]
    variance: float
    waves: NDArray[np.complex128]

    @classmethod
    def of(cls, rho: NDArray[np.float64], grid: tuple[int, int, int]) -> "GridCovariance":
        """From the lags about its middle."""
        z, y, x = (side // 2 for side in rho.shape)
        return cls(grid, float(rho[z, y, x]), scipy.fft.rfft2(fold_lags(rho, (1, 2), grid)))

    def power(self, low: int, high: int, min_power: float) -> Power:
        """Spectrum (Z, high - low, X // 2 + 1), none below min_power.

        The extended covariance need not be one: it may have waves of negative power.
        """
        waves = fold_lags(self.waves[:, low:high], (0,), self.grid)
        return np.asarray(np.maximum(scipy.fft.fft(waves, axis=0).real, min_power))


def compute_powers(
    channels: Sequence[GridCovariance], min_power: float, scene: Scene
) -> tuple[Tensor | Stored, dict[str, Tensor]]:
    """p3 and p2 of a spectrum.

    What lifting waves to the floor adds is taken from all, so that the mean over the waves is the
    variance.
    """
    grid, slabs = channels[0].grid, scene.slabs
    means = [_average_normal(covariance, min_power, slabs) for covariance in channels]
    weight = weigh_waves(grid[2])
    scales = [
        covariance.variance / float((mean["xy"][0] @ weight).mean())
        for covariance, mean in zip(channels, means, strict=True)
    ]
    p2 = {
        plane: _to_tensor(
            [scale * mean[plane] for scale, mean in zip(scales, means, strict=True)], scene.device
        )
        for plane in NORMAL
    }

    def p3(low: int, high: int) -> Tensor:
        powers = [s * c.power(low, high, min_power) for s, c in zip(scales, channels, strict=True)]
        return _to_tensor(powers, scene.device)

    if slabs is None:
        return p3(0, grid[1]), p2
    shape = (len(channels), grid[0], grid[1], len(weight))
    return slabs.store(shape, torch.float32, 1, p3), p2


def weigh_waves(side: int) -> Power:
    """Share of each wave along x, of which half are stored, in the mean over all."""
    weight = np.full(side // 2 + 1, 2.0)
    weight[0] = 1.0
    if side % 2 == 0:
        weight[-1] = 1.0
    return weight / side


def _average_normal(
    covariance: GridCovariance, min_power: float, slabs: Slabs | None
) -> dict[str, Power]:
    """Mean power over the wave number along the normal of each plane, with 1 along it.

    Sums go row by row along y, so that slabs do not change them.
    """
    z, y, x = covariance.grid
    weight = weigh_waves(x)
    xy, yz, xz = [], [], np.zeros((z, len(weight)))
    for low, high in [(0, y)] if slabs is None else slabs.bounds(y):
        power = covariance.power(low, high, min_power)
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


def pad_grid(
    shape: tuple[int, int, int], periodic: tuple[bool, bool, bool], reach: Sequence[int]
) -> tuple[int, int, int]:
    """Sides of the grid: longer by the reach of the correlation where the volume must not wrap."""
    z, y, x = (
        side if wraps else scipy.fft.next_fast_len(side + lag, True)
        for side, wraps, lag in zip(shape, periodic, reach, strict=True)
    )
    return z, y, x


def fold_lags(lags: NDArray[Any], axes: Sequence[int], grid: tuple[int, int, int]) -> NDArray[Any]:
    """Lags about their middle on a periodic grid along axes: the sum over all images of each."""
    for axis in axes:
        along = np.moveaxis(lags, axis, 0)
        folded = np.zeros((grid[axis], *along.shape[1:]), along.dtype)
        np.add.at(folded, (np.arange(len(along)) - len(along) // 2) % grid[axis], along)
        lags = np.moveaxis(folded, 0, axis)
    return lags


def _to_tensor(channels: list[NDArray[np.float64]], device: str) -> Tensor:
    return torch.as_tensor(np.stack(channels), dtype=torch.float32, device=device)
