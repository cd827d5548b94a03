"""Graded micrographs: phase fractions that change along an axis by more than chance.

Slices are cut into strips along the axis. Of each strip the profile of a phase is projected on a
straight line and on a parabola; over the strips the projections scatter about zero when the
material is the same everywhere (Student's t, all tests together at LEVEL).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import special

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import AXES, in_plane
from recon.core.data.serial import estimate_independent_share

LEVEL = 0.001
"""Probability that a uniform material is called graded."""
STRIP, RUNS = 32, 4
"""Pixels across a strip and mean runs of a phase, at least: neighbours count as independent."""
FEWEST = 4
"""Independent strips."""
LEAST = 0.02
"""A change of a fraction by less is left out, however sure it is."""
KNOTS = 5
"""Values of a profile, linear between."""
LOWEST = 0.001
"""Fraction of a phase anywhere in a profile that is learnt."""

Array = NDArray[np.float64]


@attrs.frozen(eq=False)
class Gradient:
    """A phase whose fraction changes along an axis.

    fractions  (K, KNOTS) of all phases at even distances, from edge to edge of the slices
    length     of the slices in pixels, the mean where they differ
    """

    axis: str
    phase: int
    fractions: Array
    length: float
    p: float

    @property
    def profile(self) -> Array:
        """Fractions of the phase."""
        return np.asarray(self.fractions[self.phase])

    def to_table(self) -> dict[str, Any]:
        """As plain JSON."""
        fractions = self.fractions.clip(LOWEST, 1)
        fractions /= fractions.sum(0)
        return {"axis": self.axis, "length": self.length, "fractions": fractions.tolist()}


def find_gradients(micrographs: Micrographs) -> tuple[Gradient, ...]:
    """Of each axis the phase that changes most surely, if one does."""
    phases, gradients = len(micrographs.phases), []
    for axis, name in enumerate(AXES):
        planes = list(_measure_planes(micrographs, axis))
        independent = sum(len(each) * share for each, share in planes)
        if independent < FEWEST:
            continue
        strips = np.concatenate([each for each, _ in planes])
        p = _test(strips[..., :2], independent) * 2 * phases * len(AXES)
        profile = strips[..., 2:].mean(0)
        sure = (p < LEVEL) & (np.ptp(profile, axis=1) > LEAST)
        if sure.any():
            phase = int(np.where(sure, p, np.inf).argmin())
            length = _measure_length(micrographs, axis)
            gradients.append(Gradient(name, phase, profile, length, float(p[phase])))
    return tuple(gradients)


def learn_gradient(
    micrographs: Micrographs, symmetry_axes: Sequence[str] = AXES
) -> dict[str, Any] | None:
    """The gradient that volumes are to follow, as plain JSON: the steepest, if there is one.

    symmetry_axes  along which the material may be graded: what is declared to look the same along
                   several axes is graded along none of them
    """
    found = [one for one in find_gradients(micrographs) if one.axis in symmetry_axes]
    if not found:
        return None
    return max(found, key=lambda one: float(np.ptp(one.profile))).to_table()


def describe_gradients(micrographs: Micrographs) -> tuple[str, ...]:
    """A line on each axis along which a fraction changes, and what volumes make of it."""
    lines, learnt = [], (micrographs.origin or {}).get("graded") or {}
    for one in find_gradients(micrographs):
        first, last = one.profile[[0, -1]].clip(0, 1)  # segments that fit may end beyond
        start = (
            f"graded along {one.axis}: the fraction of {micrographs.phases[one.phase]} changes "
            f"from {first:.2f} to {last:.2f}; "
        )
        if learnt.get("axis") == one.axis:
            lines.append(
                f"{start}with weights trained on these micrographs, volumes follow this profile "
                "unless harmonizer.graded=false"
            )
            continue
        values = ",".join(f"{value:.3f}" for value in one.profile.clip(0.001, 0.999))
        brightest = one.phase == len(micrographs.phases) - 1
        phase = "" if brightest else f", harmonizer.profile_phase={one.phase}"
        lines.append(
            f"{start}volumes follow this profile only with harmonizer.profile=[{values}], "
            f"harmonizer.profile_axis={one.axis}{phase}"
        )
    return tuple(lines)


def _measure_length(micrographs: Micrographs, axis: int) -> float:
    """Mean side of the slices along an axis in pixels."""
    sides = [
        image.shape[in_plane(plane).index(axis)]
        for plane, stack in micrographs.planes.items()
        if axis in in_plane(plane)
        for image in stack
    ]
    return float(np.mean(sides))


def _measure_planes(micrographs: Micrographs, axis: int) -> Iterator[tuple[Array, float]]:
    """Of each plane that shows the axis its strips (n, K, 2 + KNOTS), and the independent share."""
    phases = len(micrographs.phases)
    for plane, stack in micrographs.planes.items():
        if axis in in_plane(plane):
            turned = [np.moveaxis(image, in_plane(plane).index(axis), 0) for image in stack]
            strips = [
                _measure_strip(strip, phases) for image in turned for strip in _cut_strips(image)
            ]
            if strips:
                yield np.array(strips), estimate_independent_share(stack, phases)


def _cut_strips(image: NDArray[np.uint8]) -> Sequence[NDArray[np.uint8]]:
    """Strips along the rows; none of an image that is short."""
    changes = (image[:, 1:] != image[:, :-1]).mean() if image.shape[1] > 1 else 0
    width = max(STRIP, RUNS / max(changes, 1e-6))
    if image.shape[0] < STRIP:
        return ()
    return np.array_split(image, max(1, int(image.shape[1] / width)), axis=1)


def _measure_strip(strip: NDArray[np.uint8], phases: int) -> Array:
    """(K, 2 + KNOTS): projections on a line and a parabola, and the linear segments that fit."""
    place = (np.arange(len(strip)) + 0.5) / len(strip)
    ends = np.linspace(0, 1, KNOTS)
    hats = np.stack([np.interp(place, ends, row) for row in np.eye(KNOTS)], 1)
    shapes = np.stack([place - 0.5, (place - 0.5) ** 2], 1)
    along = np.stack([(strip == phase).mean(1) for phase in range(phases)], 1)
    projections = (shapes - shapes.mean(0)).T @ along / len(strip)
    return np.concatenate([projections, np.linalg.lstsq(hats, along, rcond=None)[0]]).T


def _test(projections: Array, independent: float) -> Array:
    """(K,) the lesser probability of two projections (n, K, 2) as large when there is no change."""
    error = np.maximum(projections.std(0, ddof=1), 1e-12) / np.sqrt(independent)
    t = np.abs(projections.mean(0)) / error
    return np.asarray(2 * special.stdtr(independent - 1, -t).min(-1))
