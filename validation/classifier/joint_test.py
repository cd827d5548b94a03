"""The planes together: each may tell a little of a volume, and the sum tells it.

Stouffer's sum: the distance on every plane, in deviations of the material's own runs of windows
from their mean, averaged over planes. A real volume shows the mean of one run of each plane.
"""

from collections.abc import Mapping

import attrs
import numpy as np

from recon.validation.classifier.discriminant import Values
from recon.validation.classifier.two_sample_test import RESOLVED, Separation

DRAWS = 100
"""Real volumes that are put together, a run of windows of every plane each."""


@attrs.frozen(eq=False)
class JointTest:
    """What two planes or more say together.

    floor  mean distance, either way, of real volumes in deviations
    real   (draw,) of real volumes over the floor; negative where less distinguishable than most
    """

    planes: Mapping[str, Separation]
    floor: float
    real: Values

    @classmethod
    def of(cls, planes: Mapping[str, Separation]) -> "JointTest":
        """From the tests of single planes."""
        draw = np.random.default_rng(0).integers
        runs = [_standardize(one, one.real_distances) for one in planes.values()]
        drawn = np.mean([each[draw(0, len(each), DRAWS)] for each in runs], 0)
        floor = float(np.abs(drawn).mean())
        return cls(planes, floor, drawn / floor)

    @property
    def worth(self) -> float:
        """Independent volumes that the runs are worth."""
        return min(one.worth for one in self.planes.values())

    def measure(self, distances: Mapping[str, float]) -> float:
        """Distance over the floor of a volume that has these on the planes; 0 at least."""
        each = [_standardize(self.planes[plane], np.array(d)) for plane, d in distances.items()]
        return max(float(np.mean(each)) / self.floor, 0.0)


def _standardize(plane: Separation, distances: Values) -> Values:
    """In deviations of the runs of windows from their mean."""
    real = plane.real_distances
    away: Values = (distances - real.mean()) / max(float(real.std(ddof=1)), RESOLVED)
    return away
