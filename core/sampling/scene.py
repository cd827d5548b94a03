"""What a harmonizer and refiners may know of the volume that is being made."""

from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.statistics import Statistics
from recon.core.sampling.anchors import EncodedAnchor
from recon.core.sampling.slabs import Slabs
from recon.core.sampling.slabs.field import Field, Shape


class Clean(Protocol):
    """The clean estimate of the volume by the planes of a step."""

    def __call__(self, x: Field, turn: int = 0) -> Field:
        """Estimate of x (C, Z, Y, X) at the noise level t of the step.

        turn  the planes are those that follow the step's after so many turns (xy, xz, yz, xy, ...)
        """


class Noise(Protocol):
    """The independent standard normal fields of one step, n = 0, 1, 2, ..."""

    def __call__(self, n: int, *, shape: Shape = ...) -> Field:
        """Field n of the volume's shape, or of another (C, Z, Y, X), a function of the seed."""


@attrs.frozen(eq=False)
class Scene:
    """The volume to make, and what is known of the field that the denoiser works on.

    shape       (C, Z, Y, X)
    periodic    whether (z, y, x) are
    ab_start    alpha_bar at which the sampler starts
    statistics  fractions, mean and covariance of the field, and arrays that plugins measured; None
                when the denoiser knows none
    device      where the fields live
    seed        of this sample, for what varies between samples beside the noise
    anchors     measured slices that it is to contain
    slabs       how the volume is split when it is not one tensor: then all fields are SlabFields
    fractions   (K,) of the phases that the harmonizer aims at, or (K, Z, 1, 1), (K, 1, Y, 1),
                (K, 1, 1, X) where they change along an axis; None: those that come out
    prepared    what the harmonizer computed once for this volume
    voxel_size  (z, y, x) in metres
    phases      their names
    """

    shape: Shape
    periodic: tuple[bool, bool, bool]
    ab_start: float
    statistics: Statistics | None = None
    device: str = "cpu"
    seed: int = 0
    anchors: tuple[EncodedAnchor, ...] = ()
    slabs: Slabs | None = None
    fractions: NDArray[np.float64] | None = None
    prepared: object = None
    voxel_size: tuple[float, float, float] = (1.0, 1.0, 1.0)
    phases: tuple[str, ...] | None = None
