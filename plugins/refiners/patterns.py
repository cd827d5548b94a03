"""The finished volume given the small patterns of the micrographs."""

from collections.abc import Mapping
from typing import Any

import attrs
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.kinds import Refiner
from recon.core.options import option
from recon.core.sampling.anchors import mark_anchors
from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs.field import Field
from recon.plugins.refiners.pattern_counts import (
    PlanePatterns,
    count_patterns,
    from_arrays,
    to_arrays,
)


@attrs.frozen
class Patterns(Refiner):
    """Match the 3 x 3 patterns of the finished volume to the micrographs; keep components.

    Simulated annealing changes voxels on interfaces to the phase of a neighbour. It brings two
    statistics nearer to those of the micrographs: the 3 x 3 patterns in the slices of all three
    planes, and the pairs of neighbouring voxels that differ. It compares patterns of interfaces of
    the same orientation, so it does not bend a fibre to match the directions of others. It also
    brings the phase fractions to the targets of the harmonizer. It takes a second at 64^3 with two
    phases. It changes nothing in volumes of more than four phases, or if the denoiser was not
    trained on micrographs.

    Yeong & Torquato, Phys. Rev. E 57, 495 (1998).
    """

    name = "patterns"
    in_slabs = True
    tries: int = option(80, "Trials for each voxel; 0: none.", min=0, max=10_000)
    change_cost: float = option(
        1.0,
        "Cost of a changed voxel, in annealing temperatures; at a higher cost fewer change.",
        min=0,
        max=100,
    )

    @classmethod
    def measure_micrographs(cls, micrographs: Micrographs) -> Mapping[str, NDArray[Any]]:
        """Plane and spacing of pixels, such as xy.1: (n,) codes of patterns with their counts."""
        return to_arrays(count_patterns(micrographs))

    def check(self, scene: Scene) -> None:
        """Refuse counts that cannot be."""
        self.find_patterns(scene)

    def refine(self, field: Field, scene: Scene) -> Field:
        patterns = self.find_patterns(scene)
        if not patterns or self.tries == 0:
            return field
        from recon.plugins.refiners.pattern_matching import match_patterns

        return match_patterns(
            field,
            patterns,
            self.tries,
            scene.periodic,
            scene.seed,
            mark_anchors(scene.anchors, scene.shape[1:]),
            scene.fractions,
            change_cost=self.change_cost,
        )

    def find_patterns(self, scene: Scene) -> PlanePatterns:
        """Those of the micrographs; of none where the denoiser has seen none."""
        arrays = {} if scene.statistics is None else scene.statistics.arrays_of(self)
        return from_arrays(arrays, max(2, scene.shape[0]))
