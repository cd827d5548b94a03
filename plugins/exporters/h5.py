"""HDF5 in the layout of DREAM.3D 6.5 (file version 7.0).

https://github.com/BlueQuartzSoftware/SIMPL, "Native DREAM.3D File Format"
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.kinds import Exporter
from recon.core.options import option
from recon.plugins.exporters.lengths import UNIT, UNITS, measure_edges

CELL, CELL_ENSEMBLE = 3, 11
"""Types of attribute matrices."""

UNKNOWN = 999
"""Crystal structure, and type of the phase that stands at place 0 and means none."""

PRIMARY = 0


@attrs.frozen
class H5(Exporter):
    """HDF5 in the layout of DREAM.3D (needs h5py).

    The phases are in DataContainers/ImageDataContainer/CellData/Phases, int32 (z, y, x, 1).
    DREAM.3D counts phases from 1: the value is the label + 1, and entry 0 of CellEnsembleData means
    "Unknown". Crystal structures are unknown (999). Origin and spacing are (x, y, z), float32.
    """

    name = "h5"
    suffixes = (".h5",)
    unit: str = option("m", UNIT, choices=UNITS)

    def list_outputs(self, volume: Volume, path: Path) -> tuple[Path, ...]:
        if find_spec("h5py") is None:
            raise ReconError(f"{path} needs h5py; pip install 'microrecon[all]'")
        return (path,)

    def write(self, volume: Volume, path: Path) -> None:
        import h5py

        with h5py.File(path, "w", locking=False) as file:
            _set_attributes(file, {"FileVersion": "7.0", "DREAM3D Version": "6.5.171"})
            for group in ("DataContainerBundles", "Pipeline"):  # empty, but DREAM.3D wants them
                file.create_group(group)
            container = file.create_group("DataContainers/ImageDataContainer")
            _write_geometry(container, volume, measure_edges(volume, self.unit))
            _write_cells(container, volume)
            _write_ensembles(container, volume)


def _write_geometry(container: Any, volume: Volume, spacing: tuple[float, float, float]) -> None:
    group = container.create_group("_SIMPL_GEOMETRY")
    group["DIMENSIONS"] = np.array(volume.shape[::-1], np.int64)
    group["ORIGIN"] = np.zeros(3, np.float32)
    group["SPACING"] = np.array(spacing, np.float32)
    names = {"GeometryName": "ImageGeometry", "GeometryTypeName": "ImageGeometry"}
    numbers = {"GeometryType": 0, "SpatialDimensionality": 3, "UnitDimensionality": 3}
    _set_attributes(group, names | {k: np.array([v], np.uint32) for k, v in numbers.items()})


def _write_cells(container: Any, volume: Volume) -> None:
    sides = volume.shape[::-1]
    group = _add_matrix(container, "CellData", CELL, sides)
    phases = volume.labels.astype(np.int32)[..., None] + 1
    _add_array(group, "Phases", phases, "DataArray<int32_t>", sides)


def _write_ensembles(container: Any, volume: Volume) -> None:
    import h5py

    count = len(volume.phases)
    sides = (count + 1,)
    group = _add_matrix(container, "CellEnsembleData", CELL_ENSEMBLE, sides)
    for name, rest in (("CrystalStructures", UNKNOWN), ("PhaseTypes", PRIMARY)):
        values = np.array([[UNKNOWN], *[[rest]] * count], np.uint32)
        _add_array(group, name, values, "DataArray<uint32_t>", sides)
    names = np.array(["Unknown Phase Type", *volume.phases], object)
    _add_array(group, "PhaseName", names, "StringDataArray", sides, h5py.string_dtype())


def _add_matrix(container: Any, name: str, kind: int, sides: tuple[int, ...]) -> Any:
    group = container.create_group(name)
    kinds = {"AttributeMatrixType": np.array([kind], np.uint32)}
    _set_attributes(group, kinds | {"TupleDimensions": np.array(sides, np.uint64)})
    return group


def _add_array(
    group: Any, name: str, data: Any, kind: str, sides: tuple[int, ...], dtype: Any = None
) -> None:
    axes = ",".join(f"{axis}={side}" for axis, side in zip("xyz", sides, strict=False))
    attributes = {
        "ComponentDimensions": np.array([1], np.uint64),
        "DataArrayVersion": np.array([2], np.int32),
        "ObjectType": kind,
        "Tuple Axis Dimensions": axes,
        "TupleDimensions": np.array(sides, np.uint64),
    }
    _set_attributes(group.create_dataset(name, data=data, dtype=dtype), attributes)


def _set_attributes(node: Any, values: Mapping[str, Any]) -> None:
    """Attributes; texts of a fixed length that end in a zero, which DREAM.3D insists on."""
    import h5py

    for name, value in values.items():
        if isinstance(value, str):
            text = h5py.h5t.C_S1.copy()
            text.set_size(len(value) + 1)
            node.attrs.create(name, value, dtype=h5py.Datatype(text))
        else:
            node.attrs.create(name, value)
