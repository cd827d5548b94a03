import attrs
from skimage.measure import euler_number

from recon.core import Metric, hookimpl, option


@attrs.frozen
class EulerNumber(Metric):
    """Euler characteristic per voxel of one phase, 6-connected."""

    name = "euler-number"
    phase: int = option(1, "Label of the phase.", min=0)

    def measure(self, volume):
        return euler_number(volume.labels == self.phase, connectivity=1) / volume.labels.size


@hookimpl
def recon_metrics():
    return [EulerNumber]
