"""Power: which known faults of the material's own windows the comparison would notice.

Runs of windows that are worth one volume are altered (see faults.py) and judged as a volume is, one
plane at a time, with the limits of a single volume. The classifier is asked first; what it
finds need not be measured. Against a volume it is the only one that is asked, so that there the
power is at least what is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import PLANES
from recon.core.data.volume import Volume
from recon.validation.classifier.joint_test import JointTest
from recon.validation.classifier.two_sample_test import CLASSIFIER
from recon.validation.comparison.cells import EVERY, RESOLVED, build_blocks
from recon.validation.comparison.metric_spec import MetricSpec
from recon.validation.comparison.null import calibrate
from recon.validation.comparison.sampling_error import compute_errors
from recon.validation.faults import Fault, list_faults
from recon.validation.window_runs import WindowRuns, arrange_micrographs

if TYPE_CHECKING:
    from recon.validation.comparison.comparison import Comparison

TRIALS = 4
"""Runs that each fault is tried on, of each plane."""
NOTICED = 0.5
"""Rate from which on a fault counts as found, and share of the faults that a strong test finds."""

Image = NDArray[np.uint8]
Limits = Mapping[tuple[str, str], float]


@attrs.frozen
class Power:
    """How often a known fault is noticed on a plane.

    plane      or cells.EVERY: by the classifier on all of them together
    found      share of the trials;  harmful  whether it should be (see faults.Fault)
    distances  (trial,) that the classifier saw on a single plane
    """

    fault: str
    amount: str
    plane: str
    found: float
    harmful: bool = attrs.field(default=True, repr=False)
    distances: tuple[float, ...] = attrs.field(default=(), repr=False, eq=False)

    def to_table(self) -> dict[str, str | float]:
        """As plain data."""
        return {
            "fault": self.fault,
            "amount": self.amount,
            "plane": self.plane,
            "found": self.found,
        }


def measure_power(
    comparison: "Comparison",
    reference: Volume | Micrographs,
    shape: tuple[int, int, int],
    specs: Sequence[MetricSpec],
    limits: Limits,
) -> tuple[Power, ...]:
    """Every fault on every plane that can be judged.

    limits  of a single volume (list_limits)
    cost  what the classifier does not find is measured: 0.1 s a trial for 20 windows of 64 x 64
    """
    test = comparison.classifier
    power = []
    for plane in reference.planes if isinstance(reference, Micrographs) else PLANES:
        if isinstance(reference, Micrographs):
            runs = arrange_micrographs(reference, plane, shape)
        elif test is not None and plane in test.materials:
            runs = test.materials[plane].runs
        else:
            continue
        if runs.firsts:
            judged = _Plane(comparison, plane, runs, tuple(specs), limits, reference)
            power += [judged.try_fault(fault) for fault in list_faults(len(reference.phases))]
    if test is not None and len(test.planes) > 1:
        power += _try_jointly(JointTest.of(test.planes), power, limits[CLASSIFIER, EVERY])
    return tuple(power)


def _try_jointly(test: JointTest, single: Sequence[Power], limit: float) -> Iterator[Power]:
    """Every fault on all planes at once, by what the classifier saw on each."""
    for name, amount in dict.fromkeys((one.fault, one.amount) for one in single):
        alike = [one for one in single if (one.fault, one.amount) == (name, amount)]
        seen = {one.plane: one.distances for one in alike if one.plane in test.planes}
        trials = [dict(zip(seen, each, strict=True)) for each in zip(*seen.values(), strict=False)]
        if trials and len(seen) == len(test.planes):
            noticed = [test.measure(distances) > limit for distances in trials]
            yield Power(name, amount, EVERY, float(np.mean(noticed)), alike[0].harmful)


def list_limits(comparison: "Comparison", alpha: float) -> dict[tuple[str, str], float]:
    """(statistic, place) -> the ratio that a single real subvolume may reach."""
    blocks = build_blocks(comparison)
    if not blocks:
        return {}
    return {
        (cell.statistic, cell.where): limit
        for block, limits in zip(blocks, calibrate(blocks, 1, alpha).limits, strict=True)
        for cell, limit in zip(block.cells, limits.tolist(), strict=True)
    }


def count_noticed(powers: Sequence[Power]) -> dict[str, tuple[int, int]]:
    """By plane: how many of the harmful faults are noticed, and of how many."""
    noticed = {}
    for plane in dict.fromkeys(power.plane for power in powers):
        harmful = [power for power in powers if power.plane == plane and power.harmful]
        noticed[plane] = sum(power.found >= NOTICED for power in harmful), len(harmful)
    return noticed


def is_weak(noticed: int, of: int) -> bool:
    """Whether too few faults are noticed for no difference to say anything."""
    return noticed < NOTICED * of


@attrs.frozen(eq=False)
class _Bar:
    """What one statistic of a plane is held against: its reference, in plain arrays for speed.

    reference  (phase, axis);  most  error, the mean over phases, that is noticed beyond
    """

    reference: NDArray[np.float64]
    most: float

    def exceeded(self, curve: NDArray[np.float64]) -> bool:
        """Whether the error, the mean over phases that have one, is beyond."""
        common = min(curve.shape[1], self.reference.shape[1])  # lengths end with the plane's side
        errors = compute_errors(curve[:, :common], self.reference[:, :common])
        known = ~np.isnan(errors)
        return bool(known.any() and errors[known].mean() > self.most)


@attrs.frozen(eq=False)
class _Plane:
    """One plane of a comparison, on which altered runs of windows are judged."""

    comparison: "Comparison"
    plane: str
    runs: WindowRuns
    specs: tuple[MetricSpec, ...]
    limits: Limits
    reference: Volume | Micrographs

    def try_fault(self, fault: Fault) -> Power:
        """As many trials as there are runs, at most TRIALS; two, where these agree."""
        parts = list(self.runs.list_parts(min(self.runs.wanted, len(self.runs.windows) // 3)))
        seen: list[bool] = []
        distances: list[float] = []
        for number, (inside, outside) in enumerate(parts[:: -(-len(parts) // TRIALS)]):
            if number == 2 and seen[0] == seen[1]:
                break
            rng = np.random.default_rng(number)
            made = fault.apply(self.runs.windows[inside], len(self.reference.phases), rng)
            distances += self._classify(inside, outside, made)
            distinguished = bool(distances) and self._is_distinguished(distances[-1])
            seen.append(distinguished or self._measure(made))
        rate = float(np.mean(seen))
        return Power(fault.name, fault.amount, self.plane, rate, fault.harmful, tuple(distances))

    def _classify(
        self, inside: NDArray[np.int64], outside: NDArray[np.int64], made: Image
    ) -> list[float]:
        """The distance that the classifier sees from the rest of the material, where it can."""
        test = self.comparison.classifier
        if test is None or self.plane not in test.planes:
            return []
        material = test.materials[self.plane]
        if not material.can_compare(inside, outside):
            return []
        return [material.compare_run(inside, outside, made).distance]

    def _is_distinguished(self, distance: float) -> bool:
        assert self.comparison.classifier is not None
        floor = self.comparison.classifier.planes[self.plane].floor
        return distance / floor > self.limits[CLASSIFIER, self.plane]

    @cached_property
    def _bars(self) -> dict[str, _Bar]:
        """Of every statistic that is judged on this plane; of none against a volume."""
        if isinstance(self.reference, Volume):
            return {}
        bars = {}
        for name, agreement in self.comparison.metrics.items():
            limit = self.limits.get((name, self.plane))
            if limit is not None and agreement.sampling_error is not None:
                floor = float(agreement.sampling_error.mean.sel(plane=self.plane).mean())
                reference = agreement.reference.sel(plane=self.plane).to_numpy()
                by_phase = reference.reshape(len(reference), -1)
                bars[name] = _Bar(by_phase, limit * max(floor, RESOLVED))
        return bars

    def _measure(self, made: Image) -> bool:
        """Whether any statistic exceeds its limit."""
        if not self._bars:
            return False
        size, names = self.reference.voxel_size, self.reference.phases
        altered = Micrographs({self.plane: list(made)}, size, names)
        return any(
            name in self._bars and self._bars[name].exceeded(curve)
            for spec in self.specs
            for name, curve in spec.measure_plane(altered).items()
        )
