"""The velocity fields as a zarr or as one VTK file."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import zarr
from numpy.typing import NDArray

from recon.core import Volume
from recon.core.storage.atomic import atomic_output

VTI = """<?xml version="1.0"?>
<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64">
  <ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{edges}">
    <Piece Extent="{extent}">
      <CellData Scalars="phase">
{arrays}
      </CellData>
    </Piece>
  </ImageData>
</VTKFile>
"""
ARRAY = '<DataArray type="{type}" Name="{name}" NumberOfComponents="{number}" format="binary">'


class Write(Protocol):
    """Takes the velocity (3, z, y, x) of a direction, components z, y, x."""

    def __call__(self, name: str, velocity: NDArray[np.float32]) -> None: ...


@contextmanager
def write_fields(path: str | None, volume: Volume) -> Iterator[Write]:
    """What writes the velocities of each direction; the file appears whole or not at all.

    path  `.vti`: one VTK file with the phases and a vector for each direction; else a zarr with
          an array (component, z, y, x), components x, y, z, for each; None writes nothing
    """
    if path is None:
        yield lambda name, velocity: None
    elif Path(path).suffix.lower() == ".vti":
        fields: dict[str, NDArray[Any]] = {"phase": volume.labels}
        with atomic_output(Path(path)) as file:
            yield lambda name, velocity: fields.update({f"velocity-{name}": velocity[::-1]})
            file.write_text(_vti(volume, fields), encoding="ascii", newline="\n")
    else:
        with atomic_output(Path(path), folder=True) as store:
            group = zarr.create_group(store, attributes={"components": ["x", "y", "z"]})

            def write(name: str, velocity: NDArray[np.float32]) -> None:
                array = group.create_array(
                    name,
                    shape=velocity.shape,
                    dtype="float32",
                    chunks=(1, *(min(64, n) for n in velocity.shape[1:])),
                    dimension_names=("component", "z", "y", "x"),
                )
                array[:] = velocity[::-1]

            yield write


def _vti(volume: Volume, arrays: Mapping[str, NDArray[Any]]) -> str:
    """VTK ImageData, one cell a voxel."""
    lines = []
    for name, array in arrays.items():
        number = 3 if array.ndim == 4 else 1
        kind = "Float32" if number == 3 else "UInt8"
        data = np.ascontiguousarray(np.moveaxis(array, 0, -1) if number == 3 else array)
        head = base64.b64encode(np.uint64(data.nbytes).tobytes())
        text = (head + base64.b64encode(data.tobytes())).decode()
        lines += [ARRAY.format(type=kind, name=name, number=number), text, "</DataArray>"]
    extent = " ".join(f"0 {side}" for side in reversed(volume.shape))
    edges = " ".join(f"{edge:.12g}" for edge in reversed(volume.voxel_size))
    return VTI.format(extent=extent, edges=edges, arrays="\n".join(lines))
