"""Volume fraction of each phase."""

import attrs
import numpy as np
import xarray as xr

from recon.core import Metric, Micrographs, Volume


@attrs.frozen
class VolumeFraction(Metric):
    """Share of the voxels in each phase.

    Of micrographs: the mean over planes of the share of the plane's pixels, so that a plane
    with many slices weighs no more than one with few.

    returns  (phase,), coordinate phase = label 0..K-1; a phase that does not occur has 0
    cost     one pass per phase
    """

    name = "volume-fraction"

    def measure(self, sample: Volume | Micrographs) -> xr.DataArray:
        """Volume fractions (phase,) of a volume or of micrographs."""
        phases = np.arange(len(sample.phases))
        if isinstance(sample, Micrographs):
            fractions = sample.fractions()
        else:
            counts = [np.count_nonzero(sample.labels == phase) for phase in phases]
            fractions = np.array(counts) / sample.labels.size
        return xr.DataArray(fractions, {"phase": phases}, ("phase",), name=self.name)
