"""Discriminator of one plane: the material's windows as features, to compare others with."""

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import NORMAL
from recon.validation.classifier.blocks import Cut
from recon.validation.classifier.discriminant import (
    Values,
    Whitening,
    compute_area,
    compute_distance,
    score_blocks,
)
from recon.validation.classifier.patterns import measure_patterns
from recon.validation.window_runs import WindowRuns

Image = NDArray[np.uint8]


@attrs.frozen(eq=False)
class Scored:
    """Windows of two sides, the higher their score the more `own`.

    area      under the ROC curve;  distance  the same as d'
    own       (window,);  real  (window,) in their order
    numbers   of the slices that were looked at
    """

    area: float
    distance: float
    own: Values
    real: Values
    numbers: NDArray[np.int64] = attrs.field(factory=lambda: np.arange(0))


@attrs.frozen(eq=False)
class Discriminator:
    """Windows of a plane of the material.

    features  (part, window, feature): a window is in parts where the cut runs through it
    """

    runs: WindowRuns
    plane: str
    cut: Cut
    phases: int
    whitening: Whitening
    features: Values

    @classmethod
    def of(cls, runs: WindowRuns, plane: str, cut: Cut, phases: int) -> "Discriminator":
        """Measure the windows."""
        patterns, fractions = _measure(runs.windows, plane, cut, phases)
        flat = patterns.reshape(-1, patterns.shape[-1]), fractions.reshape(-1, phases)
        whitening = Whitening.of(*flat)
        return cls(runs, plane, cut, phases, whitening, whitening.whiten(patterns, fractions))

    @property
    def across(self) -> bool:
        """Whether blocks are made of whole windows."""
        return NORMAL[self.plane] == self.cut.axis

    def compare_slices(self, slices: Image, every: int) -> Scored:
        """Slices of a volume in their order, `every` one of them looked at, with all windows."""
        blocks = [np.arange(len(slices))]
        if self.across:
            blocks = self.cut.split_range(len(slices), min(self.cut.count, self.runs.size))
        numbers = [block[::every] for block in blocks]
        shown = slices[np.concatenate(numbers)]
        patterns, fractions = _measure(shown, self.plane, self.cut, self.phases)
        features = self.whitening.whiten(patterns, fractions)
        ends = np.cumsum([len(block) for block in numbers])[:-1]
        own = np.split(features[0], ends) if self.across else list(features)
        scored = self._compare(own, np.arange(len(self.runs.windows)))
        return attrs.evolve(scored, numbers=np.concatenate(numbers))

    def can_compare(self, inside: NDArray[np.int64], outside: NDArray[np.int64]) -> bool:
        """Whether both sides make two blocks at least."""
        blocks = min(self.cut.count, len(inside)) if self.across else self.cut.count
        return 2 <= blocks <= len(outside)

    def compare_run(
        self,
        inside: NDArray[np.int64],
        outside: NDArray[np.int64],
        made: Image | None = None,
    ) -> Scored:
        """Windows of the material, or what was made of them, with others of it."""
        features = self.features[:, inside]
        if made is not None:
            features = self.whitening.whiten(*_measure(made, self.plane, self.cut, self.phases))
        count = min(self.cut.count, len(inside))
        own = np.array_split(features[0], count) if self.across else list(features)
        return self._compare(own, outside)

    def _compare(self, own: Sequence[Values], numbers: NDArray[np.int64]) -> Scored:
        """Block k of the material is scored with block k of the other side."""
        parts, _, width = self.features.shape
        folds = np.array_split(numbers, len(own))
        real = [self.features[:, fold].reshape(-1, width) for fold in folds]
        of_own, of_real = score_blocks(own, real)
        area = compute_area(of_own, of_real)
        pairs = sum(map(len, of_own)) * sum(map(len, of_real))
        by_slice = np.concatenate(of_own) if self.across else np.mean(of_own, axis=0)
        by_window = np.concatenate([fold.reshape(parts, -1).mean(0) for fold in of_real])
        return Scored(area, float(compute_distance(area, pairs)), by_slice, by_window)


def _measure(windows: Image, plane: str, cut: Cut, phases: int) -> tuple[Values, Values]:
    """Patterns (part, window, feature) and fractions (part, window, phase)."""
    parts = cut.split_windows(windows, plane)
    fractions = [
        np.stack([(part == phase).mean((1, 2)) for phase in range(phases)], 1) for part in parts
    ]
    return np.stack([measure_patterns(part, phases) for part in parts]), np.stack(fractions)
