"""Volume fraction of each phase."""

from functools import partial

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Compared, Metric, Micrographs
from recon.plugins.metrics.curves import Sample
from recon.plugins.metrics.labels import coordinates


@attrs.frozen
class VolumeFraction(Metric):
    """Share of the voxels in each phase.

    Of micrographs: the mean over planes of the share of the plane's pixels, so that a plane
    with many slices weighs no more than one with few.

    returns  (phase,), coordinate phase = label 0..K-1; a phase that does not occur has 0
    cost     one pass per phase
    """

    name = "volume-fraction"
    title = "Volume fraction"
    compared = (Compared(phrase="the volume fraction", symbol="phi", micrographs=True),)
    chunked = True

    def measure(self, sample: Sample) -> xr.DataArray:
        """Volume fractions (phase,) of a volume or of micrographs."""
        phases = range(len(sample.phases))
        if isinstance(sample, Micrographs):
            fractions = sample.fractions()
        else:
            parts = sample.by_parts(partial(_counts, phases))
            counts = np.array([counted for _, counted in parts]).sum(0)
            fractions = counts / counts.sum()
        return xr.DataArray(fractions, coordinates(phase=phases), ("phase",), name=self.name)


def _counts(phases: range, labels: NDArray[np.uint8]) -> list[int]:
    return [int(np.count_nonzero(labels == phase)) for phase in phases]
