"""Contact: between which phases the interface of a slice lies.

cost  O(pixels), one pass for each plane and axis
"""

from functools import partial
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core import Compared, Metric
from recon.plugins.metrics.labels import coordinates
from recon.plugins.metrics.slices import over_slices, pixel_edges

if TYPE_CHECKING:
    import xarray as xr

    from recon.core import ChunkedVolume, Micrographs, Volume


@attrs.frozen
class Contact(Metric):
    """Share of the interface that lies between each two phases, on the slices of a plane.

    The interface is that between pixels which share an edge inside a slice, measured in length: of
    anisotropic pixels long edges count more. Slices of one plane are pooled.

    returns  (phase, phase2, plane), symmetric: the share of the pair stands in both places, and the
             shares of all pairs (phase < phase2) sum to 1. A phase that does not occur has 0, so
             has a phase with itself; NaN on a plane without any interface.
    """

    name = "contact"
    title = "Contact between phases"
    compared = (
        Compared(
            phrase="the contact between phases",
            axis="other phase",
            micrographs=True,
        ),
    )
    chunked = True

    def measure(self, sample: "Volume | ChunkedVolume | Micrographs") -> "xr.DataArray":
        """Shares of the interface of a volume or of micrographs."""
        import xarray as xr

        phases = range(len(sample.phases))
        counted = over_slices(partial(_count, len(phases)), sample, cost=20)
        shares = []
        for plane, parts in counted.items():
            down, across = np.sum(parts, axis=0)
            first, second = pixel_edges(sample, plane)
            # an edge between pixels of one row is as long as a pixel is high
            length = down * second + across * first
            length = length + length.T
            total = np.triu(length).sum()
            shares.append(length / (total if total else np.nan))
        return xr.DataArray(
            np.stack(shares, axis=2),
            coordinates(phase=phases, phase2=phases, plane=tuple(counted)),
            ("phase", "phase2", "plane"),
            name=self.name,
        )


def _count(phases: int, part: NDArray[np.uint8], plane: str) -> NDArray[np.int64]:
    """Edges (2, phases, phases) between unlike pixels, one above or before the other."""
    pairs = ((part[:, :-1], part[:, 1:]), (part[:, :, :-1], part[:, :, 1:]))
    counts = np.zeros((2, phases, phases), np.int64)
    for along, (one, other) in enumerate(pairs):
        unlike = one != other
        pair = one[unlike] * np.int64(phases) + other[unlike]
        counts[along] = np.bincount(pair, minlength=phases**2).reshape(phases, phases)
    return counts
