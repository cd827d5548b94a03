"""What exporters of meshes do to a volume first: cut out a region, coarsen, drop specks."""

import warnings

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.kinds import Exporter
from recon.core.options import option
from recon.plugins.exporters.specks import remove_specks


@attrs.frozen
class PreparedExporter(Exporter):
    """An exporter that may take a part of a volume, or a coarser one."""

    region: tuple[int, ...] = option(
        (), "Region to export, first and end (exclusive) along z, y, x: [0,32,0,32,0,32].", min=0
    )
    coarsen: int = option(
        1, "Number of voxels along each axis to merge into one, by majority.", min=1
    )
    merge: tuple[str, ...] = option(
        (), "Phases to merge, joined by +, by name or label: solid+binder becomes solid."
    )
    specks: int = option(
        0, "Merge components of fewer voxels than this into the phase around them.", min=0
    )

    def prepare(self, volume: Volume, announce: bool = False) -> Volume:
        """The volume to be written; ReconError for a region outside or sides that do not fit.

        announce  warn of specks that are dropped
        """
        labels = self._merge(volume, self._cut(volume.labels))
        if any(side % self.coarsen for side in labels.shape):
            raise ReconError(
                f"coarsen= must divide the sides {labels.shape} of the volume, got {self.coarsen}; "
                "choose another factor or cut a region="
            )
        labels = take_majority(labels, self.coarsen) if self.coarsen > 1 else labels
        if self.specks:
            labels, gone = remove_specks(labels, self.specks)
            if gone and announce:
                warnings.warn(
                    f"{gone} specks of fewer than {self.specks} voxels take the phase around them",
                    stacklevel=2,
                )
        size = [edge * self.coarsen for edge in volume.voxel_size]
        return Volume(labels, size, volume.phases)

    def _merge(self, volume: Volume, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        into = np.arange(256, dtype=np.uint8)
        for group in self.merge:
            merged = [volume.find_label(phase.strip()) for phase in group.split("+")]
            if len(merged) < 2:
                raise ReconError(
                    f"merge= must join phases by +, such as {'+'.join(volume.phases[-2:])}, "
                    f"got {group!r}"
                )
            into[merged] = into[merged[0]]
        return np.asarray(into[labels]) if self.merge else labels

    def _cut(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if not self.region:
            return labels
        ends = np.array(self.region).reshape(-1, 2) if len(self.region) == 6 else np.empty((0, 2))
        right = len(ends) and all(
            low < high <= side for (low, high), side in zip(ends, labels.shape, strict=True)
        )
        if not right:
            raise ReconError(
                "region= must be first and end along z, y, x within the volume of "
                f"{' x '.join(map(str, labels.shape))} voxels, got {list(self.region)}"
            )
        return labels[tuple(slice(low, high) for low, high in ends)]


def take_majority(labels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Blocks of factor^3 voxels as one, of the phase that most have; the lowest of equals."""
    z, y, x = (side // factor for side in labels.shape)
    blocks = labels.reshape(z, factor, y, factor, x, factor)
    counts = [(blocks == phase).sum((1, 3, 5)) for phase in range(int(labels.max()) + 1)]
    return np.asarray(np.argmax(counts, 0), np.uint8)
