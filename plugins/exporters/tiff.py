"""A TIFF stack that ImageJ and Fiji open with its voxel size."""

from collections.abc import Mapping
from pathlib import Path

import attrs
import tifffile

from recon.core.data.volume import Volume
from recon.plugins.exporters.format import Format, Progress, Writer, lengths


@attrs.frozen
class Tiff(Format):
    """One page (y, x) uint8 for each z, deflated, as an ImageJ hyperstack.

    The unit is um. A volume whose voxel size is not known (1 m) gets none. ImageJ shows labels
    0..K-1 from black to white.
    """

    about = "ImageJ hyperstack of labels, uint8, voxel size in um"

    def files(self, path: Path, volume: Volume) -> Mapping[Path, Writer]:
        def write(place: Path, progress: Progress) -> None:
            known = volume.voxel_size != (1.0, 1.0, 1.0)
            x, y, z = lengths(volume, "um") if known else (1.0, 1.0, 1.0)
            display = {"axes": "ZYX", "min": 0.0, "max": float(max(1, len(volume.phases) - 1))}
            scale = {"spacing": z, "unit": "um"} if known else {}
            tifffile.imwrite(
                place,
                volume.labels,
                imagej=True,
                photometric="minisblack",
                resolution=(1 / x, 1 / y),
                compression="zlib",
                metadata=display | scale,
            )

        return {path: write}
