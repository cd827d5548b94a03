"""NRRD (3D Slicer, ITK, ParaView), written by pynrrd; recon itself reads it."""

import attrs
import nrrd

from recon.core import Exporter, hookimpl, option

METRES = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "nm": 1e-9}


@attrs.frozen
class NrrdExporter(Exporter):
    """NRRD of labels, uint8, with spacings and their unit."""

    name = "nrrd"
    suffixes = (".nrrd",)
    unit: str = option("um", "Unit of the spacings.", choices=tuple(METRES))
    encoding: str = option("gzip", "How the labels are stored.", choices=("gzip", "raw", "ascii"))

    def write(self, volume, path):
        spacings = [edge / METRES[self.unit] for edge in reversed(volume.voxel_size)]
        header = {"spacings": spacings, "units": [self.unit] * 3, "encoding": self.encoding}
        nrrd.write(str(path), volume.labels, header, index_order="C")


@hookimpl
def recon_exporters():
    return [NrrdExporter]
