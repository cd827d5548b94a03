"""NumPy's .npy: the label array and nothing else."""

from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np

from recon.core.data.volume import Volume
from recon.plugins.exporters.format import Format, Progress, Writer


@attrs.frozen
class Npy(Format):
    """The labels (z, y, x) uint8; the voxel size is not kept."""

    about = "NumPy array (z, y, x) uint8"

    def files(self, path: Path, volume: Volume) -> Mapping[Path, Writer]:
        def write(place: Path, progress: Progress) -> None:
            with place.open("wb") as file:
                np.save(file, volume.labels, allow_pickle=False)

        return {path: write}
