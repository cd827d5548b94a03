"""Headerless bytes with a MetaImage header beside them.

https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from collections.abc import Mapping
from pathlib import Path

import attrs

from recon.core.data.volume import Volume
from recon.plugins.exporters.format import Format, Progress, Writer, lengths


@attrs.frozen
class Raw(Format):
    """OUT.raw: one byte a voxel, x fastest, then y, then z; OUT.mhd: shape, spacing in mm, type.

    Millimetres because that is the unit of MetaImage for ITK, ImageJ and 3D Slicer. The offset is
    the centre of the first voxel, as ITK has it: the box begins at 0.
    """

    about = "bytes, x fastest, with a MetaImage header OUT.mhd"

    def files(self, path: Path, volume: Volume) -> Mapping[Path, Writer]:
        def data(place: Path, progress: Progress) -> None:
            place.write_bytes(volume.labels.data)

        def header(place: Path, progress: Progress) -> None:
            place.write_text(_header(path.name, volume), encoding="utf-8")

        return {path: data, path.with_suffix(".mhd"): header}


def _header(data: str, volume: Volume) -> str:
    spacing = lengths(volume, "mm")
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
