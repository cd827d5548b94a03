"""A TIFF stack that ImageJ and Fiji open with its voxel size."""

from pathlib import Path

import attrs

from recon.core.data.volume import Volume
from recon.core.kinds import Exporter
from recon.plugins.exporters.lengths import measure_edges


@attrs.frozen
class Tif(Exporter):
    """ImageJ hyperstack of labels, uint8, voxel size in um.

    The file has one page (y, x) for each z, deflated. If the voxel size is unknown (1 m), the file
    does not state one. ImageJ shows labels 0..K-1 from black to white.
    """

    name = "tif"
    suffixes = (".tif", ".tiff")

    def write(self, volume: Volume, path: Path) -> None:
        import tifffile

        known = volume.voxel_size != (1.0, 1.0, 1.0)
        x, y, z = measure_edges(volume, "um") if known else (1.0, 1.0, 1.0)
        display = {"axes": "ZYX", "min": 0.0, "max": float(max(1, len(volume.phases) - 1))}
        scale = {"spacing": z, "unit": "um"} if known else {}
        tifffile.imwrite(
            path,
            volume.labels,
            imagej=True,
            photometric="minisblack",
            resolution=(1 / x, 1 / y),
            compression="zlib",
            metadata=display | scale,
        )
