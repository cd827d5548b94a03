"""check_planes(): can these planes belong to one material, and are they enough to train?

Before anything is trained: phase fractions must agree between planes, and the statistics of lines
along an axis between the two planes that show it, within their sampling error.
"""

import warnings

import attrs
import numpy as np

from recon.core.data.micrographs import Micrographs
from recon.core.data.serial import estimate_independent_share
from recon.imaging.gradients import describe_gradients
from recon.imaging.plane_check.line_sums import CELLS
from recon.imaging.plane_check.plane_differences import (
    Difference,
    compare_planes,
    find_disagreements,
)
from recon.imaging.plane_check.plane_remedies import Remedy, find_odd_plane, find_remedies
from recon.imaging.plane_check.plane_statistics import PlaneStatistics

WINDOW = 64
ENOUGH = 20
"""Independent windows of a plane: a rule of thumb. The separator of docs/reconstruction.md was
learnt well from 22 on xy and 24 on xz; that fewer do not suffice has not been measured."""
SMALLEST = 2 * CELLS
"""Shortest side of a slice, in pixels, that is compared."""
LONGEST_LAG = 32


class PlaneWarning(UserWarning):
    """Micrographs that hardly belong together, or are few."""


@attrs.frozen
class PlaneWindows:
    """Windows of the training crop that the slices of a plane hold, and how many independent ones.

    side         of the window in pixels: as asked, or less where a slice is smaller
    count        area of the slices over that of a window
    independent  of them, slices that repeat each other counted once, and never more than
                 uncorrelated areas
    """

    plane: str
    side: int
    count: float
    independent: float


@attrs.frozen
class PlaneCheck:
    """What does not agree between planes.

    findings  the statistics that differ by more than chance, least probable first
    tests     number of those compared
    odd       the plane that disagrees with both others, which agree; None when there is none
    remedies  changes of the images under which all would agree
    windows   of every plane
    phases    names
    """

    findings: tuple[Difference, ...]
    tests: int
    odd: str | None
    remedies: tuple[Remedy, ...]
    windows: tuple[PlaneWindows, ...]
    phases: tuple[str, ...]

    @property
    def agree(self) -> bool:
        """Whether nothing was found; a plane of two slices a few features wide hides much."""
        return not self.findings

    @property
    def enough(self) -> bool:
        """Whether every plane holds as many independent windows as the rule of thumb asks for."""
        return all(each.independent >= ENOUGH for each in self.windows)

    @property
    def disagreements(self) -> tuple[str, ...]:
        """One line for each phase whose fractions and each axis whose lines differ; a remedy."""
        lines = _describe_fractions(self) + _describe_axes(self)
        if self.remedies:
            texts = " or ".join(remedy.text for remedy in self.remedies)
            questions = " ".join(dict.fromkeys(remedy.question for remedy in self.remedies))
            lines.append(f"the planes would agree {texts}: {questions}")
        elif self.odd and any(finding.axis for finding in self.findings):
            lines.append(
                f"{self.odd} disagrees with the others: check its material, plane and scale"
            )
        return tuple(lines)

    @property
    def sufficiency(self) -> str:
        """One line on how many independent windows there are."""
        side = self.windows[0].side
        counts = ", ".join(
            f"{each.plane} {each.independent:.0f} (of {each.count:.0f})" for each in self.windows
        )
        enough = (
            "enough to train"
            if self.enough
            else "few to train, the network may copy them; add slices that lie far apart"
        )
        return (
            f"independent windows of {side} x {side} pixels: {counts}: {enough} "
            f"(rule of thumb: {ENOUGH} a plane)"
        )


def check_planes(micrographs: Micrographs, window: int = WINDOW) -> PlaneCheck:
    """Compare the planes of micrographs; takes a second for some million pixels.

    window  side of the training crop in pixels

    Slices with a side below 16 pixels are not compared. All tests together raise a false alarm with
    a probability of about 1 % (plane_differences.LEVEL).
    """
    planes = measure_planes(micrographs)
    tests = compare_planes(planes)
    differences = find_disagreements(tests)
    return PlaneCheck(
        tuple(differences),
        len(tests),
        find_odd_plane(differences),
        find_remedies(planes, differences),
        _count_windows(micrographs, window, planes),
        micrographs.phases,
    )


def describe_planes(micrographs: Micrographs, window: int = WINDOW) -> tuple[str, ...]:
    """Lines for a terminal: disagreements, gradients, how many independent windows there are."""
    check = check_planes(micrographs, window)
    return (*check.disagreements, *describe_gradients(micrographs), check.sufficiency)


def warn_of_planes(micrographs: Micrographs) -> None:
    """A PlaneWarning for every disagreement, and for few windows; nothing when all is well."""
    check = check_planes(micrographs)
    few = () if check.enough else (check.sufficiency,)
    for line in (*check.disagreements, *few):
        warnings.warn(line, PlaneWarning, stacklevel=3)


def measure_planes(micrographs: Micrographs) -> dict[str, PlaneStatistics]:
    """Statistics of every plane that can be compared."""
    stacks = {
        plane: [image for image in stack if min(image.shape) >= SMALLEST]
        for plane, stack in micrographs.planes.items()
    }
    sides = [min(image.shape) for stack in stacks.values() for image in stack]
    if not sides:
        return {}
    # Lags up to a quarter of the usual slice; smaller slices show no pairs at long ones.
    lags = int(np.log2(min(np.median(sides) // 4, LONGEST_LAG))) + 1
    phases = len(micrographs.phases)
    known: dict[tuple[int, ...], PlaneStatistics] = {}  # of an isotropic material all are one
    statistics = {}
    for plane, stack in stacks.items():
        key = tuple(image.ctypes.data for image in stack)
        if stack and key not in known:
            known[key] = PlaneStatistics.of(stack, phases, lags)
        if stack:
            statistics[plane] = known[key]
    return statistics


def _count_windows(
    micrographs: Micrographs, window: int, known: dict[str, PlaneStatistics]
) -> tuple[PlaneWindows, ...]:
    stacks = micrographs.planes
    side = min(window, min(min(image.shape) for stack in stacks.values() for image in stack))
    windows = []
    for plane, stack in stacks.items():
        count = sum(image.size for image in stack) / side**2
        independent = count * estimate_independent_share(stack, len(micrographs.phases))
        if plane in known:
            share, variance = known[plane].values.fraction, known[plane].variances.fraction
            areas = share * (1 - share) / variance
            independent = min(independent, float(areas.max()))
        windows.append(PlaneWindows(plane, side, count, independent))
    return tuple(windows)


def _describe_fractions(check: PlaneCheck) -> list[str]:
    by_phase: dict[int, list[Difference]] = {}
    for finding in check.findings:
        if finding.statistic == "fraction":
            by_phase.setdefault(finding.phase, []).append(finding)
    lines = []
    for phase, differences in by_phase.items():
        odd = find_odd_plane(differences)
        if odd is None:
            lines += [
                f"{one} and {other} disagree: {_name_phase(check, phase)} is "
                f"{_format_number(f.values[0], f.errors[0])} on {one} against "
                f"{_format_number(f.values[1], f.errors[1])} on {other}"
                for f in differences
                for one, other in [f.planes]
            ]
            continue
        sides = [(f.planes.index(odd), f) for f in differences]
        mine = _format_number(sides[0][1].values[sides[0][0]], sides[0][1].errors[sides[0][0]])
        others = sorted((f.planes[1 - at], f.values[1 - at], f.errors[1 - at]) for at, f in sides)
        against = " and ".join(f"{_format_number(v, e)} on {plane}" for plane, v, e in others)
        lines.append(
            f"{odd} disagrees with {' and '.join(plane for plane, *_ in others)}: "
            f"{_name_phase(check, phase)} is {mine} on {odd} against {against}; check its "
            "threshold"
        )
    return lines


def _describe_axes(check: PlaneCheck) -> list[str]:
    """The chord that differs most, or else another statistic, for each axis."""
    lines = []
    for axis in "xyz":
        findings = [finding for finding in check.findings if finding.axis == axis]
        chords = [finding for finding in findings if finding.statistic == "chord"]
        if not findings:
            continue
        f = max(chords or findings, key=lambda finding: abs(finding.t))
        phase = _name_phase(check, f.phase)
        what = {
            "chord": f"the mean chord of {phase} is",
            "two-point": f"the two-point correlation of {phase} at {f.length} voxels is",
            "lineal path": f"the share of {phase} in runs of {f.length} voxels is",
        }[f.statistic]
        one, other = (_format_number(v, e) for v, e in zip(f.values, f.errors, strict=True))
        unit = " voxels" if f.statistic == "chord" else ""
        lines.append(
            f"along {axis} {what} {one}{unit} on {f.planes[0]} and {other} on {f.planes[1]}"
        )
    return lines


def _name_phase(check: PlaneCheck, phase: int) -> str:
    name = check.phases[phase]
    return f"phase {phase}" if name == str(phase) else f"phase {phase} ({name})"


def _format_number(value: float, error: float) -> str:
    digits = max(0, min(4, int(np.ceil(-np.log10(max(error, 1e-4)) + 0.3))))
    return f"{value:.{digits}f} ± {error:.{digits}f}"
