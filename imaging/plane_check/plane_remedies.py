"""What would make planes agree that do not: other axes, other labels, another magnification."""

import itertools
from collections.abc import Iterator, Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import PLANES, in_plane
from recon.imaging.plane_check.plane_differences import (
    Difference,
    compare_planes,
    find_disagreements,
)
from recon.imaging.plane_check.plane_statistics import PlaneStatistics

Planes = Mapping[str, PlaneStatistics]
NEAR = 0.1
"""Difference of mean chords (relative) and of correlations that a resampled image may keep."""


@attrs.frozen
class Remedy:
    """A change of the images after which the planes agree.

    transposed  planes whose images are to be transposed
    given       two planes whose images were given for each other
    exchanged   plane whose two phases are to be exchanged
    scaled      plane, factor and its standard error: enlarging its images so many times
    """

    transposed: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    exchanged: str | None = None
    scaled: tuple[str, float, float] | None = None

    @property
    def text(self) -> str:
        """The condition under which the planes would agree."""
        if self.scaled is not None:
            plane, factor, error = self.scaled
            size = "larger" if factor > 1 else "smaller"
            ratio, error = (factor, error) if factor > 1 else (1 / factor, error / factor**2)
            return f"if the features of {plane} were {ratio:.2f} ± {error:.2f} times {size}"
        if self.exchanged is not None:
            return f"with the phases of {self.exchanged} exchanged"
        parts = []
        if self.given:
            parts.append(f"{' and '.join(self.given)} given for each other")
        if self.transposed:
            parts.append(f"{' and '.join(self.transposed)} transposed")
        return f"with {' and '.join(parts)}"

    @property
    def question(self) -> str:
        """What to look at."""
        if self.scaled is not None:
            return "is its pixel size another?"
        return "are dark and bright?" if self.exchanged is not None else "are axes swapped?"


def find_remedies(planes: Planes, differences: list[Difference]) -> tuple[Remedy, ...]:
    """The simplest changes under which the planes agree, likeliest first; often there is none."""
    if not any(test.axis for test in differences):
        return ()
    fractions = {plane for test in differences if test.axis is None for plane in test.planes}
    kinds = [_try_exchanges(planes), _try_arrangements(planes)]
    if not fractions:  # a magnification leaves them as they are
        kinds.append((remedy, {}) for plane in planes if (remedy := _find_scale(plane, planes)))
    agreeing = [
        [remedy for remedy, changed in kind if not _disagree(changed, bool(fractions))]
        for kind in kinds
    ]
    odd = find_odd_plane(differences)
    arranged = agreeing[1]
    if arranged:
        least = min(map(_count_changes, arranged))
        arranged = [remedy for remedy in arranged if _count_changes(remedy) == least]
        arranged.sort(key=lambda remedy: odd not in remedy.transposed)
    return (*agreeing[0], *arranged[:2], *itertools.chain(*agreeing[2:]))


def find_odd_plane(differences: list[Difference]) -> str | None:
    """The one plane that takes part in every disagreement, and disagrees with two others."""
    pairs = {test.planes for test in differences}
    common = set(PLANES).intersection(*pairs) if pairs else set()
    return common.pop() if len(pairs) == 2 and len(common) == 1 else None


def _disagree(planes: Planes, fractions: bool) -> bool:
    """Whether lines do, or fractions where these are to be mended as well."""
    return any(test.axis or fractions for test in find_disagreements(compare_planes(planes)))


def _count_changes(remedy: Remedy) -> int:
    return len(remedy.transposed) + len(remedy.given) // 2


def _try_exchanges(planes: Planes) -> Iterator[tuple[Remedy, Planes]]:
    for plane, own in planes.items():
        if len(own.values.fraction) == 2:
            yield Remedy(exchanged=plane), {**planes, plane: own.exchange_phases()}


def _try_arrangements(planes: Planes) -> Iterator[tuple[Remedy, Planes]]:
    """At most two planes given for each other, and at most two changes in all."""
    names = list(planes)
    for given in ((), *itertools.combinations(names, 2)):
        order = {
            **dict(zip(names, names, strict=True)),
            **dict(zip(given, given[::-1], strict=True)),
        }
        for count in range(0 if given else 1, 2 if given else 3):
            for turned in itertools.combinations(names, count):
                changed = {
                    new: planes[old].transpose() if new in turned else planes[old]
                    for new, old in order.items()
                }
                yield Remedy(turned, given), changed


def _find_scale(plane: str, planes: Planes) -> Remedy | None:
    """A factor on the lengths of one plane under which its lines agree with the others'."""
    tests = compare_planes(planes)
    if find_disagreements([test for test in tests if plane not in test.planes]):
        return None
    mine = [test for test in tests if test.statistic == "chord" and plane in test.planes]
    mine = [test for test in mine if np.isfinite(test.difference) and np.isfinite(test.error)]
    if not mine:
        return None
    # What is to be added to the logarithms of this plane's chords.
    wanted = np.array([t.difference if t.planes[1] == plane else -t.difference for t in mine])
    weights = np.array([1 / t.error**2 for t in mine])
    shift = float((weights * wanted).sum() / weights.sum())
    rest = np.abs(wanted - shift)
    tolerated = np.maximum(NEAR, 3 / np.sqrt(weights))
    factor = float(np.exp(shift))
    if np.any(rest > tolerated) or abs(shift) < 2 * rest.max():
        return None
    if not all(
        _have_same_shape(plane, other, factor, planes) for other in planes if other != plane
    ):
        return None
    error = factor * max(float(rest.std()), float(1 / np.sqrt(weights.sum())))
    return Remedy(scaled=(plane, factor, error))


def _have_same_shape(plane: str, other: str, factor: float, planes: Planes) -> bool:
    """Whether the two-point correlations along the shared axis do agree, lags times the factor.

    Specks and pores that a threshold made change mean chords like a magnification, but not these.
    """
    (axis,) = set(in_plane(plane)) & set(in_plane(other))
    mine, others = (
        planes[name].values.two_point[in_plane(name).index(axis)] for name in (plane, other)
    )
    lags = np.arange(len(mine)) + np.log2(factor)
    inside = (lags >= 0) & (lags <= len(mine) - 1)

    def at(curves: NDArray[np.float64], phase: int) -> NDArray[np.float64]:
        interpolated: NDArray[np.float64] = np.interp(
            lags[inside], np.arange(len(curves)), curves[:, phase]
        )
        return interpolated

    gaps = [at(others, phase) - mine[inside, phase] for phase in range(mine.shape[1])]
    return bool(np.nanmax(np.abs(gaps), initial=0.0) < NEAR)
