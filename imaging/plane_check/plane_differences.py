"""Do the planes of a material agree? Every statistic of two planes against each other."""

from collections.abc import Mapping

import attrs
import numpy as np
from scipy.special import stdtr

from recon.core.data.planes import AXES, PLANES, in_plane
from recon.imaging.plane_check.plane_statistics import PlaneStatistics

LEVEL = 0.01
"""Probability that planes of one material are found to disagree, over all tests together."""
SEEN = 0.1  # two-point correlations below it say no more than noise
COMMON = 0.05  # runs that a smaller share of a phase takes part in are too few to be compared


@attrs.frozen
class Difference:
    """One statistic on two planes.

    statistic    fraction, chord (mean chord, voxels; compared by its logarithm), two-point
                 (correlation at a lag) or lineal path (share of a phase in runs of a length)
    axis         that it was measured along; None for fractions
    length       lag or length of the run in voxels, None for the others
    values       on each of the planes;  errors  their standard errors, in the same unit
    difference   first minus second, of the logarithms for chords;  error  its standard error
    p            probability of a difference as large or larger if the planes are of one material
    """

    statistic: str
    planes: tuple[str, str]
    axis: str | None
    phase: int
    length: int | None
    values: tuple[float, float]
    errors: tuple[float, float]
    difference: float
    error: float
    p: float

    @property
    def t(self) -> float:
        """The difference in standard errors."""
        return self.difference / self.error


def compare_planes(planes: Mapping[str, PlaneStatistics]) -> list[Difference]:
    """Every test: fractions of each pair of planes, and line statistics of the axis they share."""
    names = [plane for plane in PLANES if plane in planes]
    pairs = [(one, other) for i, one in enumerate(names) for other in names[i + 1 :]]
    differences: list[Difference] = []
    for one, other in pairs:
        differences += _compare_fractions(one, other, planes)
        differences += _compare_lines(one, other, planes)
    return differences


def find_disagreements(tests: list[Difference], level: float = LEVEL) -> list[Difference]:
    """Those that differ by more than chance, by Holm's rule; least probable first."""
    ordered = sorted(tests, key=lambda test: test.p)
    for number, test in enumerate(ordered):
        if test.p * (len(ordered) - number) >= level:
            return ordered[:number]
    return ordered


def _compare_fractions(
    one: str, other: str, planes: Mapping[str, PlaneStatistics]
) -> list[Difference]:
    count = len(planes[one].values.fraction)
    # Of two phases the second tells all that the first does.
    phases = range(1 if count == 2 else 0, count)
    return [_compare("fraction", (one, other), None, phase, 0, planes) for phase in phases]


def _compare_lines(one: str, other: str, planes: Mapping[str, PlaneStatistics]) -> list[Difference]:
    (axis,) = set(in_plane(one)) & set(in_plane(other))
    rows = [in_plane(plane).index(axis) for plane in (one, other)]
    values = [planes[plane].values for plane in (one, other)]
    two_point = np.abs([v.two_point[row] for v, row in zip(values, rows, strict=True)])
    lineal = np.array([v.lineal[row] for v, row in zip(values, rows, strict=True)])
    _, lags, count = lineal.shape
    statistics = []
    for phase in range(count):
        statistics.append(("chord", phase, 0))
        for j in range(1, lags):
            # Up to the first lag at which both have lost their correlation; of two phases both
            # have the same.
            if two_point[:, j - 1, phase].max() > SEEN and not (count == 2 and phase == 0):
                statistics.append(("two-point", phase, j))
            if lineal[:, j, phase].min() > COMMON:
                statistics.append(("lineal path", phase, j))
    return [
        _compare(kind, (one, other), AXES[axis], phase, j, planes) for kind, phase, j in statistics
    ]


def _compare(
    statistic: str,
    pair: tuple[str, str],
    axis: str | None,
    phase: int,
    j: int,
    planes: Mapping[str, PlaneStatistics],
) -> Difference:
    row = [0 if axis is None else in_plane(plane).index(AXES.index(axis)) for plane in pair]
    both = [planes[plane] for plane in pair]
    values = [s.values.at(statistic, r, phase, j) for s, r in zip(both, row, strict=True)]
    variances = [s.variances.at(statistic, r, phase, j) for s, r in zip(both, row, strict=True)]
    error = float(np.sqrt(sum(variances)))
    difference = values[0] - values[1]
    p = 1.0  # where a statistic is not known on one of the planes
    if np.isfinite(difference) and np.isfinite(error) and error > 0:
        # Welch & Satterthwaite's number of degrees of freedom
        shares = [v**2 / s.freedom for v, s in zip(variances, both, strict=True)]
        p = float(2 * stdtr(error**4 / sum(shares), -abs(difference) / error))
    errors = [float(np.sqrt(variance)) for variance in variances]
    if statistic == "chord":
        values = [float(np.exp(value)) for value in values]
        errors = [value * e for value, e in zip(values, errors, strict=True)]
    length = {"two-point": 2**j, "lineal path": 2 ** (j + 1)}.get(statistic)
    return Difference(
        statistic,
        pair,
        axis,
        phase,
        length,
        (values[0], values[1]),
        (errors[0], errors[1]),
        difference,
        error,
        p,
    )
