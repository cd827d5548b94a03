"""NRRD (3D Slicer, ITK, ParaView), written and read by pynrrd."""

import attrs
import nrrd

from recon.core import Exporter, ImageFile, Reader, hookimpl, option

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


@attrs.frozen
class NrrdReader(Reader):
    """NRRD of a slice or of a stack of slices, with the pixel size where it tells the unit."""

    name = "nrrd"
    suffixes = (".nrrd",)
    signatures = (b"NRRD000",)

    def read(self, path):
        array, header = nrrd.read(str(path), index_order="C")
        units = header.get("units", [])
        if not units or any(unit not in METRES for unit in units):
            return ImageFile(path, array)
        x, y, *z = (e * METRES[u] for e, u in zip(header["spacings"], units, strict=True))
        return ImageFile(path, array, (y, x), *z)


@hookimpl
def recon_exporters():
    return [NrrdExporter]


@hookimpl
def recon_readers():
    return [NrrdReader]
