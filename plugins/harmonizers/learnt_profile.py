"""The profile of phase fractions along an axis that graded micrographs show."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import AXES
from recon.core.errors import ReconError
from recon.core.sampling.scene import Scene
from recon.plugins.harmonizers.profile import Profile

LOG = logging.getLogger(__name__)
OFF = "harmonizer.graded=false"


@attrs.frozen(eq=False)
class LearntProfile:
    """Fractions (K, n) at even distances from edge to edge of slices, linear between.

    axis    0 = z, 1 = y, 2 = x
    length  of the slices along it, in voxels
    """

    axis: int
    length: float
    fractions: NDArray[np.float64]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> "LearntProfile | None":
        """From what `measure_profile` gave; None where the material is not graded.

        Raises ReconError for arrays that cannot be a profile.
        """
        if not arrays:
            return None
        axis, length, fractions = (arrays.get(key) for key in ("axis", "length", "fractions"))
        right = (
            axis is not None
            and length is not None
            and fractions is not None
            and axis.shape == length.shape == (1,)
            and axis[0] in (0, 1, 2)
            and length[0] >= 1
            and fractions.ndim == 2
            and fractions.shape[1] >= 2
            and (fractions > 0).all()
            and np.allclose(fractions.sum(0), 1)
        )
        if axis is None or length is None or fractions is None or not right:
            raise ReconError(
                "harmonizer spectral: axis, length and fractions in the weights must be a profile "
                "along an axis, of fractions above 0 of sum 1; fetch or train them again, or set "
                + OFF
            )
        return cls(int(axis[0]), float(length[0]), np.asarray(fractions, np.float64))

    def suits(self, scene: Scene) -> bool:
        """Whether a volume can follow it; a notice says why not.

        Raises ReconError for a volume in slabs, which must be the same as one that is not.
        """
        name = AXES[self.axis]
        if scene.slabs is not None:
            raise ReconError(
                f"harmonizer spectral: the micrographs are graded along {name}, and a graded "
                f"volume needs the memory of one process; give more memory=, or set {OFF}"
            )
        if scene.anchors or scene.periodic[self.axis]:
            why = "has anchors" if scene.anchors else f"is periodic along {name}"
            say_once(f"the micrographs are graded along {name}; a volume that {why} is not")
            return False
        return True

    def place(self, scene: Scene, centre: float) -> Profile:
        """The profile of a volume, whose voxels are as long as the pixels of the micrographs.

        The middle of the volume lies at a share `centre` of the length of the slices. Beyond their
        edges the fractions stay as they are there.
        """
        side = scene.shape[1 + self.axis]
        first = centre * self.length - side / 2
        knots = np.linspace(0, self.length, self.fractions.shape[1])
        places = first + np.arange(side) + 0.5
        own = np.stack([np.interp(places, knots, row) for row in self.fractions])
        steepest = len(own) - 1 - int(np.ptp(own, axis=1).round(6)[::-1].argmax())
        phase = scene.phases[steepest] if scene.phases else f"phase {steepest}"
        beyond = side > self.length or first < 0 or first + side > self.length
        say_once(
            f"the micrographs are graded along {AXES[self.axis]} and the volume follows them: "
            f"fraction of {phase} {own[steepest, 0]:.2f} to {own[steepest, -1]:.2f}, voxels "
            f"{first:.0f} to {first + side:.0f} of {self.length:.0f}"
            + (" (constant beyond the micrographs)" if beyond else "")
            + f"; {OFF} makes the fractions constant"
        )
        return Profile.of_fractions(self.axis, own)


def measure_profile(micrographs: Micrographs) -> dict[str, NDArray[Any]]:
    """axis (1,), length (1,) and fractions (K, n) that `recon import` has found; or nothing."""
    graded = (micrographs.origin or {}).get("graded")
    if not graded:
        return {}
    return {
        "axis": np.array([AXES.index(graded["axis"])]),
        "length": np.array([float(graded["length"])]),
        "fractions": np.array(graded["fractions"], np.float64),
    }


@cache
def say_once(line: str) -> None:
    """A notice that all samples of a run share."""
    LOG.info("%s", line)
