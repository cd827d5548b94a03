"""Bent chord: how much longer a chord through a pixel becomes when it may bend there.

In a straight fibre, a chord that may bend is hardly longer than a straight one. In a winding or
branching fibre it is. The gain depends little on how much of a phase there is and on how fibres
lie to the slice, so it varies much less from slice to slice than the length of chords does.

cost  O(pixels x directions^2 / 4); 12 MB beside the slices
"""

from functools import partial
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core import Compared, Metric, option
from recon.core.data.planes import PLANES
from recon.plugins.metrics.labels import coordinates
from recon.plugins.metrics.slices import over_slices, pixel_edges, pool_parts

if TYPE_CHECKING:
    import xarray as xr

    from recon.core import ChunkedVolume, Micrographs, Volume


@attrs.frozen
class BentChord(Metric):
    """Relative gain in length of chords through a pixel that may bend in it.

    A chord through a pixel has two arms, which end at the border of the phase or of the slice. Its
    bend is the angle by which the second arm is turned from the continuation of the first. The
    longest chord that bends by at most 45 degrees is compared with the longest that bends by at
    most 15 degrees; both are summed over the pixels of a phase and the slices of a plane. Arms are
    measured in evenly spaced directions along digital lines: one of n pixels has n - 1/2 times
    the length of a step along its line. Bends are whole multiples of the angle between two
    directions.

    returns  (phase, plane) the gain: the first sum over the second, less 1. 0 where no larger bend
             makes a chord longer; NaN for a phase that does not occur
    """

    name = "bent-chord"
    title = "Bent chords"
    compared = (
        Compared(
            title="Gain in length by a bend",
            phrase="the gain in length of chords by a bend",
            micrographs=True,
        ),
    )
    chunked = True
    directions: int = option(24, "Directions in half a turn.", min=12, max=64)

    def measure(self, sample: "Volume | ChunkedVolume | Micrographs") -> "xr.DataArray":
        """The gain in a volume, on the slices of each plane, or in micrographs."""
        import xarray as xr

        phases = len(sample.phases)
        edges = {plane: pixel_edges(sample, plane) for plane in PLANES}
        count = partial(_tally, phases, self.directions, edges)
        counted = over_slices(count, sample)
        sums = [pool_parts(parts)[0] for parts in counted.values()]
        with np.errstate(invalid="ignore"):
            gains = np.stack([bent / straight - 1 for straight, bent in sums], axis=1)
        places = coordinates((), phase=range(phases), plane=tuple(counted))
        return xr.DataArray(gains, places, ("phase", "plane"), self.name)


def _tally(
    phases: int,
    directions: int,
    edges: dict[str, tuple[float, float]],
    part: NDArray[np.uint8],
    plane: str,
) -> tuple[NDArray[np.int64]]:
    from recon.plugins.metrics.chord_arms import sum_chords

    return (sum_chords(part, edges[plane], directions, phases),)
