"""Headerless bytes with a MetaImage header beside them.

https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from pathlib import Path

import attrs

from recon.core.data.volume import Volume
from recon.core.kinds import Exporter
from recon.plugins.exporters.lengths import measure_edges


@attrs.frozen
class Raw(Exporter):
    """Bytes, x fastest, with a MetaImage header OUT.mhd.

    OUT.raw has one byte for each voxel, x fastest, then y, then z. OUT.mhd has the shape, the
    spacing and the type. The spacing is in millimetres, the unit of MetaImage for ITK, ImageJ and
    3D Slicer. The offset is the centre of the first voxel, as in ITK, so that the volume begins at
    0.
    """

    name = "raw"
    suffixes = (".raw",)

    def list_outputs(self, volume: Volume, path: Path) -> tuple[Path, ...]:
        return path, path.with_suffix(".mhd")

    def write(self, volume: Volume, path: Path) -> None:
        path.write_bytes(volume.labels.data)
        path.with_suffix(".mhd").write_bytes(
            _format_header(path.name, volume).encode("utf-8", "surrogateescape")
        )


def _format_header(data: str, volume: Volume) -> str:
    spacing = measure_edges(volume, "mm")
    lines = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": True,
        "BinaryDataByteOrderMSB": False,
        "CompressedData": False,
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": " ".join(f"{edge / 2:.12g}" for edge in spacing),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": " ".join(f"{edge:.12g}" for edge in spacing),
        "DimSize": " ".join(map(str, reversed(volume.shape))),
        "ElementType": "MET_UCHAR",
        "ElementDataFile": data,  # must be the last
    }
    return "".join(f"{key} = {value}\n" for key, value in lines.items())
