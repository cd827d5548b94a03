"""Two trained materials blended along an axis: layers, coatings, skin and core.

The clean estimate is the mean of both materials' estimates, weighted voxel by voxel. Estimates are
scores up to a factor that both share, and a weighted mean of scores is that of the product of the
densities p1^(1 - w) p2^w: where a share is 0 or 1 the volume is the one material or the other.
"""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core import weights
from recon.core.bundled import find_weights
from recon.core.data.planes import AXES, PLANES
from recon.core.data.statistics import Statistics
from recon.core.errors import ReconError
from recon.core.estimate import estimate
from recon.core.kinds import Denoiser
from recon.core.recipe import Recipe
from recon.core.sampling.scene import Clean, Scene
from recon.core.sampling.slabs import as_tensor
from recon.core.sampling.slabs.field import Field
from recon.core.sampling.step import Step

BORDERS = 0x626C
"""Sets the random numbers of the slices' borders apart from others of the same seed."""


@attrs.frozen(eq=False)
class Blend:
    """The other material of a volume.

    denoiser  fitted to it
    axis      0 = z, 1 = y, 2 = x
    share     (n,) of it in each plane normal to the axis
    """

    denoiser: Denoiser
    axis: int
    share: NDArray[np.float64]

    @classmethod
    def of(cls, name: str, axis: str, values: Sequence[float], scene: Scene) -> "Blend":
        """Read the weights of a name or path; shares at even distances, linear between."""
        denoiser = weights.load(_read_weights(name), None, {}, scene.device)
        number = AXES.index(axis)
        side = scene.shape[1 + number]
        places = (np.arange(side) + 0.5) / side
        share = np.interp(places, np.linspace(0, 1, len(values)), values)
        blend = cls(denoiser, number, share)
        own, other = scene.statistics, blend.statistics.covariance
        if own is not None and set(other) != set(own.covariance):
            raise ReconError(
                f"harmonizer spectral: blend={name} knows planes {', '.join(other)} and must know "
                f"those of the weights, {', '.join(own.covariance)}; train it on these"
            )
        return blend

    @property
    def statistics(self) -> Statistics:
        """Of the other material."""
        assert self.denoiser.material is not None
        return self.denoiser.material.statistics

    @property
    def uniform(self) -> bool:
        """Whether the shares are the same everywhere."""
        return bool(np.ptp(self.share) == 0)

    def blend_statistics(self, own: Statistics) -> Statistics:
        """Of both, in the mean of the volume.

        Without what refiners have measured: they leave a blend as the denoisers made it.
        """
        share = float(self.share.mean())
        pairs = {
            plane: (c, self.statistics.covariance[plane]) for plane, c in own.covariance.items()
        }
        covariance = {
            plane: _mix(share, *_crop_to_common_lags(*pair)) for plane, pair in pairs.items()
        }
        fractions = _mix(share, own.fractions, self.statistics.fractions)
        return Statistics(fractions, _mix(share, own.mean, self.statistics.mean), covariance)

    def blend_fractions(self, own: Statistics) -> NDArray[np.float64]:
        """(K, n) of the phases in each plane normal to the axis."""
        first, second = own.fractions[:, None], self.statistics.fractions[:, None]
        return np.asarray((1 - self.share) * first + self.share * second)

    def blend_estimates(self, own: Field, other: Field) -> Tensor:
        """The mean of two estimates, weighted by the shares."""
        share = self._spread(own)
        return (1 - share) * as_tensor(own) + share * as_tensor(other)

    def blend_noises(self, own: Field, other: Field) -> Tensor:
        """A Gaussian field whose covariance is the mean of those of two independent ones."""
        share = self._spread(own)
        return (1 - share).sqrt() * as_tensor(own) + share.sqrt() * as_tensor(other)

    def _spread(self, field: Field) -> Tensor:
        """The shares as a field that changes along the axis only."""
        shape = [1, 1, 1, 1]
        shape[1 + self.axis] = len(self.share)
        return torch.as_tensor(self.share, dtype=torch.float32).to(as_tensor(field)).view(shape)

    def clean(self, step: Step, scene: Scene) -> Clean:
        """The clean estimate by the other material's denoiser.

        One that does not see volumes estimates the slices of all planes where the other does.
        """
        volume = self.denoiser.sees_volume(step)
        planes = step.planes if volume or not step.volume else PLANES
        own = attrs.evolve(step, planes=tuple(planes), volume=volume and step.volume)
        rng = np.random.default_rng([scene.seed, step.number, BORDERS])
        sides = zip(scene.shape[1:], scene.periodic, strict=True)
        wrap = [int(rng.integers(side)) if wraps else 0 for side, wraps in sides]

        def apply(x: Field, turn: int = 0) -> Field:
            return estimate(self.denoiser, own, wrap, CHUNK, x, turn, periodic=scene.periodic)

        return apply


CHUNK = 64
"""Slices handed to the denoiser at a time."""


def check_blend(name: str, axis: str, values: Sequence[float], phases: int) -> None:
    """ReconError unless there are shares in [0, 1] of a material with as many phases."""
    if not values or not all(0 <= value <= 1 for value in values):
        raise ReconError(
            f"harmonizer spectral: blend_share must be numbers in [0, 1] along {axis}, got "
            f"{', '.join(f'{value:g}' for value in values) or 'none'}"
        )
    count = len(_read_weights(name).header["phases"])
    if count != phases:
        raise ReconError(
            f"harmonizer spectral: blend={name} is of a material of {count} phases and must have "
            f"{phases}, as the weights; choose another"
        )


def _read_weights(name: str) -> weights.Weights:
    """Of a name or path."""
    return weights.read(find_weights(Recipe().denoiser.name, name))


def _mix(share: float, own: Any, other: Any) -> NDArray[np.float64]:
    return np.asarray((1 - share) * own + share * other)


def _crop_to_common_lags(*covariances: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Covariances (C, 2 la + 1, 2 lb + 1) about lag (0, 0), of the lags that all have."""
    reach = [min(one.shape[axis] for one in covariances) // 2 for axis in (1, 2)]
    cut = []
    for one in covariances:
        rows, columns = (
            slice(side // 2 - r, side // 2 + r + 1)
            for side, r in zip(one.shape[1:], reach, strict=True)
        )
        cut.append(one[:, rows, columns])
    return cut
