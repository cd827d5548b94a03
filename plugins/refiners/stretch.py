"""The finished volume, stretched more at one end than at the other."""

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from recon.core.data.planes import AXES
from recon.core.errors import ReconError
from recon.core.kinds import Refiner
from recon.core.options import option
from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs import as_tensor
from recon.core.sampling.slabs.field import Field


@attrs.frozen
class Stretch(Refiner):
    """Stretch the texture by a factor that changes along an axis.

    The number and size of the voxels stay the same, so parts with a larger factor expand and the
    others shrink. The profile is therefore relative; `denoiser.stretch` is the mean stretch of the
    volume. The field is interpolated linearly before its phases are decided.
    """

    name = "stretch"
    profile: tuple[float, ...] = option(
        (1.0,),
        "Relative stretch at evenly spaced points along the axis, linear between.",
        min=0.01,
        max=100,
    )
    axis: str = option("z", "Axis along which the texture is stretched.", choices=("z", "y", "x"))

    def check(self, scene: Scene) -> None:
        """Refuse anchors, which would move, and a profile without numbers."""
        if not self.profile:
            raise ReconError("refiner stretch: profile must be one factor or more, got none")
        if scene.anchors and len(set(self.profile)) > 1:
            raise ReconError(
                "refiner stretch moves the measured slices; leave the anchors or the refiner out"
            )

    def refine(self, field: Field, scene: Scene) -> Field:
        x = as_tensor(field)
        along = 1 + AXES.index(self.axis)
        places = locate_voxels(self.profile, x.shape[along])
        low = np.floor(places).astype(int)
        shape = [1, 1, 1, 1]
        shape[along] = len(places)
        share = torch.as_tensor(places - low, dtype=x.dtype, device=x.device).view(shape)
        first, second = (
            x.index_select(along, torch.as_tensor(index.clip(0, len(places) - 1), device=x.device))
            for index in (low, low + 1)
        )
        return (1 - share) * first + share * second


def locate_voxels(profile: tuple[float, ...], side: int) -> NDArray[np.float64]:
    """Where the stretched volume's voxels lie in the one that is not: places (side,) in voxels.

    A length dz of the first is dz / s(z) of the second, up to the factor that keeps the whole.
    """
    factors = np.interp(
        (np.arange(side) + 0.5) / side, np.linspace(0, 1, len(profile)), np.array(profile)
    )
    lengths = 1 / factors
    lengths *= side / lengths.sum()
    return np.asarray(np.cumsum(lengths) - lengths / 2 - 0.5)
