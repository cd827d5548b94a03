"""Bytes with a MetaImage header beside them."""

from pathlib import Path

import attrs

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.plugins.readers.mhd import Mhd, read_header


@attrs.frozen
class Raw(Reader):
    """Bytes of a stack of slices; FILE.mhd beside it states shape, type and voxel size."""

    name = "raw"
    suffixes = (".raw",)

    def read(self, path: Path) -> ImageFile:
        header = path.with_suffix(".mhd")
        if not header.is_file():
            raise ReconError(
                f"{path} does not state its shape; write {header.name} beside it with the lines "
                "NDims = 3, DimSize = X Y Z, ElementType = MET_UCHAR (or MET_USHORT, MET_FLOAT), "
                f"ElementSpacing = 0.001 0.001 0.001 (mm), ElementDataFile = {path.name}"
            )
        named = read_header(header)[0]["ElementDataFile"]
        if named != path.name:
            raise ReconError(f"{header} is the header of {named}, not of {path.name}")
        return attrs.evolve(Mhd().read(header), path=path)
