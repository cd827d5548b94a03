"""VTK ImageData in XML: ParaView, VTK, PyVista and DAMASK 3.

https://docs.vtk.org/en/latest/vtk_file_formats/vtkxml_file_format.html
"""

import base64
import zlib
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.volume import Volume
from recon.core.kinds import Exporter
from recon.core.options import option
from recon.plugins.exporters.lengths import UNIT, UNITS, measure_edges

BLOCK = 2**20


@attrs.frozen
class Vti(Exporter):
    """VTK ImageData, cell data phase and material (ParaView, DAMASK).

    Each voxel is a cell; the arrays `phase` (uint8) and `material` (int32) both hold its label.
    DAMASK's GeomGrid.load and DAMASK's solver read `material` as the index of an entry in
    material.yaml. The solver requires each array in one line of base64 after its tag, lengths in
    metres, and int32. The field data `phases` hold the names of the phases.
    """

    name = "vti"
    suffixes = (".vti",)
    unit: str = option("m", UNIT, choices=UNITS)

    def write(self, volume: Volume, path: Path) -> None:
        page = _format_page(volume, measure_edges(volume, self.unit))
        path.write_text(page, encoding="ascii", newline="\n")


def _format_page(volume: Volume, spacing: tuple[float, float, float]) -> str:
    extent = " ".join(f"0 {side}" for side in reversed(volume.shape))
    edges = " ".join(f"{edge:.12g}" for edge in spacing)
    names = b"".join(phase.encode() + b"\0" for phase in volume.phases)
    return f"""<?xml version="1.0"?>
<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64" \
compressor="vtkZLibDataCompressor">
  <ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{edges}" Direction="1 0 0 0 1 0 0 0 1">
    <FieldData>
      <Array type="String" Name="phases" NumberOfTuples="{len(volume.phases)}" format="ascii">
        {" ".join(map(str, names))}
      </Array>
    </FieldData>
    <Piece Extent="{extent}">
      <CellData Scalars="phase">
        <DataArray type="UInt8" Name="phase" format="binary">
          {_encode(volume.labels)}
        </DataArray>
        <DataArray type="Int32" Name="material" format="binary">
          {_encode(volume.labels.astype("<i4"))}
        </DataArray>
      </CellData>
    </Piece>
  </ImageData>
</VTKFile>
"""


def _encode(array: NDArray[Any]) -> str:
    """Deflated blocks behind a header: number, size, size of a shorter last one, their lengths."""
    data = array.tobytes()
    blocks = [zlib.compress(data[k : k + BLOCK]) for k in range(0, len(data), BLOCK)]
    header = [len(blocks), BLOCK, len(data) % BLOCK, *map(len, blocks)]
    numbers = np.array(header, "<u8").tobytes()
    return (base64.b64encode(numbers) + base64.b64encode(b"".join(blocks))).decode()
