"""The finished volume brought to a wanted diffusivity, its small patterns kept."""

import logging
from functools import partial
from math import log
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.catalog import catalog
from recon.core.data.encoding import decode
from recon.core.data.phases import find_label
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.kinds import Refiner
from recon.core.options import option
from recon.core.sampling.anchors import mark_anchors
from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs import as_tensor
from recon.core.sampling.slabs.field import Field
from recon.core.sampling.threads import keep_threads
from recon.plugins.refiners.pattern_counts import PlanePatterns
from recon.plugins.refiners.patterns import Patterns

if TYPE_CHECKING:
    from recon.plugins.refiners.annealing import External

LOG = logging.getLogger(__name__)
FEEDBACK = 10.0
"""By how much the multiplier follows the logarithm of value over target, in prices of a pattern."""
FINEST = 3
"""The feedback is halved each time that the target was passed, at most so often."""
LARGEST = 50.0
"""Multiplier above which nothing is left of the micrographs' patterns."""
PSEUDOCOUNT = 20.0
"""Added to the variance of a pattern: with less, rare ones leave no way to the target."""


@attrs.frozen
class TargetDiffusivity(Refiner):
    """Bring the finished volume to a target relative diffusivity, and keep its small patterns.

    The adjoint of the property `diffusivity` gives the contribution of each voxel on an interface.
    The annealing of the refiner `patterns` uses it as a further cost, with a multiplier that is
    adapted until the target is reached. Phase fractions stay the same, no component appears,
    vanishes, splits or joins another, and the small patterns stay as near to those of the
    micrographs as the target permits. So a volume reaches only targets near its own diffusivity;
    for other targets, change the fractions or the texture (`recon design`). Give this refiner after
    `patterns`. A notice reports the diffusivity of the result. Each round takes an annealing and a
    solution; together they take 1 to 12 s on one core at 64^3.
    """

    name = "target-diffusivity"
    value: float | None = option(None, "Target relative diffusivity.", min=1e-6, max=1)
    axis: str = option("z", "Direction of diffusion.", choices=("z", "y", "x"))
    phases: tuple[int | str, ...] | None = option(
        None,
        "Phases that conduct, as in the property diffusivity.",
        min=0,
    )
    periodic: bool = option(False, "Periodic along all axes, as in the property diffusivity.")
    tolerance: float = option(
        0.005, "Largest relative difference from the target.", min=1e-4, max=0.5
    )
    rounds: int = option(30, "Maximum number of rounds.", min=1, max=100)
    tries: int = option(4, "Trials for each voxel in a round.", min=1, max=10_000)

    def check(self, scene: Scene) -> None:
        """Refuse a volume whose patterns are not known, and options without a target."""
        if self.value is None:
            raise ReconError(
                "refiner target-diffusivity: value must be a relative diffusivity such as 0.2, got "
                "none; set refiner.target-diffusivity.value"
            )
        if not self._patterns(scene):
            raise ReconError(
                "refiner target-diffusivity needs the patterns of micrographs of at most four "
                "phases, and the weights hold none; choose other weights or leave it out"
            )
        self._solver()
        for phase in self.phases or ():
            find_label(scene.phases or (), phase)

    def _patterns(self, scene: Scene) -> PlanePatterns:
        """Of the micrographs, as the refiner `patterns` has measured them."""
        return Patterns().find_patterns(scene)

    def _describe(self, nearest: float) -> str:
        """What was reached."""
        what = f"refiner target-diffusivity: along {self.axis}"
        if nearest == 0:
            return f"{what} no phase percolates; the volume stays as it is"
        assert self.value is not None
        if abs(log(nearest / self.value)) <= self.tolerance:
            return f"{what} {nearest:.4g}, target {self.value:g}"
        return (
            f"{what} {nearest:.4g} is the nearest to the target {self.value:g} that this volume "
            "reaches; change the fractions or the texture (recon design)"
        )

    def refine(self, field: Field, scene: Scene) -> Field:
        assert self.value is not None
        step = partial(self._anneal, scene=scene, fractions=find_fractions(field, scene))
        best, nearest, multiplier, passed, before = field, 0.0, 0.0, 0, 0.0
        for number in range(self.rounds + 1):
            relative, gain = self._solve(field, scene)
            if relative == 0:
                break
            miss = log(relative / self.value)
            if nearest == 0 or abs(miss) < abs(log(nearest / self.value)):
                best, nearest = field, relative
            if abs(miss) <= self.tolerance or number == self.rounds:
                break
            passed, before = passed + (miss * before < 0), miss
            multiplier -= FEEDBACK / 2 ** min(passed, FINEST) * miss
            multiplier = min(max(multiplier, -LARGEST), LARGEST)
            gain.field[:] *= -multiplier
            field = step(field, number=number, external=gain, tries=max(self.tries >> passed, 1))
        LOG.info("%s", self._describe(nearest))
        return best

    def _anneal(
        self,
        field: Field,
        scene: Scene,
        fractions: NDArray[np.float64],
        number: int,
        external: "External",
        tries: int,
    ) -> Field:
        """One round of the annealing of patterns, with an external field."""
        from recon.plugins.refiners.pattern_matching import match_patterns

        return match_patterns(
            as_tensor(field),
            self._patterns(scene),
            tries,
            scene.periodic,
            scene.seed + (number + 1 << 32),
            mark_anchors(scene.anchors, scene.shape[1:]),
            fractions,
            external,
            pseudocount=PSEUDOCOUNT,
        )

    def _solve(self, field: Field, scene: Scene) -> tuple[float, "External"]:
        """Relative diffusivity, and what each voxel adds to it if its phase conducts.

        That of a whole voxel whose neighbours keep their concentration, twice the derivative of one
        that conducts and half that of one that does not; in units of the mean of those that add.
        """
        from recon.plugins.refiners.annealing import External

        labels = decode(as_tensor(field)).cpu().numpy()
        with keep_threads():
            found = self._solver().differentiate(Volume(labels, scene.voxel_size, scene.phases))
        conducts = np.zeros(max(2, scene.shape[0]), np.float32)
        conducts[found.attrs["phases"]] = 1
        gain = found["derivative"].values[0] * np.where(conducts[labels] > 0, 2, 0.5)
        relative = float(found["relative"][0])
        mean = gain[gain > 0].mean() if relative else 1.0
        return relative, External((gain / mean).astype(np.float32), conducts)

    def _solver(self) -> Any:
        """The property."""
        return catalog().build(
            "property",
            "diffusivity",
            phases=self.phases,
            axes=(self.axis,),
            periodic=self.periodic,
        )


def find_fractions(field: Field, scene: Scene) -> NDArray[np.float64]:
    """Phase fractions that the volume keeps: those aimed at, else its own (K,)."""
    if scene.fractions is not None:
        return scene.fractions
    labels = decode(as_tensor(field)).cpu().numpy()
    return np.bincount(labels.ravel(), minlength=max(2, scene.shape[0])) / labels.size
