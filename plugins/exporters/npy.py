"""NumPy's .npy: the label array and nothing else."""

from pathlib import Path

import attrs
import numpy as np

from recon.core.data.volume import Volume
from recon.core.kinds import Exporter


@attrs.frozen
class Npy(Exporter):
    """NumPy array (z, y, x) uint8.

    The file holds the labels of the phases, but neither the voxel size nor the names of the phases.
    """

    name = "npy"
    suffixes = (".npy",)

    def write(self, volume: Volume, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, volume.labels, allow_pickle=False)
