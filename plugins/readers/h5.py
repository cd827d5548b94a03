"""HDF5: any dataset, and DREAM.3D's phases.

https://github.com/BlueQuartzSoftware/SIMPL, "Native DREAM.3D File Format"
"""

from math import prod
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.options import option
from recon.plugins.readers.lengths import read_bare_lengths, to_metres
from recon.plugins.readers.libraries import import_library
from recon.plugins.readers.unpacked import check_size

MOST = 8
"""Names that a message lists."""
Lengths = tuple[float, ...]


@attrs.frozen
class H5(Reader):
    """A dataset (z, y, x) of HDF5, or the phases of DREAM.3D (needs h5py).

    From DREAM.3D files it reads the voxel size and the names of the phases; phase 1 becomes label
    0. From other files it reads the attribute element_size_um, which ImageJ's plugin writes.
    """

    name = "h5"
    suffixes = (".h5", ".hdf5", ".dream3d")
    signatures = (b"\x89HDF\r\n\x1a\n",)
    dataset: str = option(
        "", "Path of the dataset in the file. Default: the only image in the file."
    )

    def read(self, path: Path) -> ImageFile:
        h5py = import_library("h5py", path)
        with h5py.File(path, "r", locking=False) as file:
            data = _open_dataset(file, self.dataset, path) if self.dataset else _find(file, path)
            shape = _find_shape(data)
            check_size(prod(shape) * data.dtype.itemsize, path)
            array = np.asarray(data[...]).reshape(shape)
            lengths = _find_lengths(data, path)
            names = _find_names(data, array)
        if names:
            array = array - 1
        if lengths is None or len(lengths) != len(shape):
            return ImageFile(path, array, phases=names)
        spacing = lengths[0] if len(lengths) == 3 else None
        return ImageFile(path, array, (lengths[-2], lengths[-1]), spacing, phases=names)


def _list_images(file: Any) -> list[str]:
    """Paths of the datasets that are a slice or a stack; links out of the file are not followed."""
    paths: list[str] = []

    def visit(name: str, node: Any) -> None:
        if hasattr(node, "dtype") and node.dtype.kind in "biuf" and len(_find_shape(node)) > 1:
            paths.append(name)

    file.visititems(visit)
    return paths


def _find(file: Any, path: Path) -> Any:
    """DREAM.3D's phases where there are some, else the only image."""
    names = _list_images(file)
    phases = [name for name in names if _find_geometry(file[name]) and name.endswith("/Phases")]
    chosen = phases if len(phases) == 1 else names
    if len(chosen) == 1:
        return _open_dataset(file, chosen[0], path)
    if not chosen:
        raise ReconError(f"{path} holds no dataset with two or three axes")
    more = f" and {len(chosen) - MOST} more" if len(chosen) > MOST else ""
    raise ReconError(f"{path} holds {', '.join(chosen[:MOST])}{more}; name one by dataset=")


def _open_dataset(file: Any, name: str, path: Path) -> Any:
    link = file.get(name, getlink=True)
    data = None if type(link).__name__ == "ExternalLink" else file.get(name)
    if data is None or not hasattr(data, "dtype"):
        inside = ", ".join(_list_images(file)[:MOST]) or "none"
        raise ReconError(f"{path} has no dataset {name}; those with two or three axes: {inside}")
    if data.external or data.is_virtual or Path(data.file.filename) != path:
        raise ReconError(f"{path}: {name} lies in another file; copy it into this one")
    return data


def _find_shape(data: Any) -> tuple[int, ...]:
    """Sides without axes of length 1 in front and behind, down to two; () for what is no image."""
    shape = list(data.shape)
    while len(shape) > 2 and shape[-1] == 1 and len(shape) > 3:
        shape.pop()
    while len(shape) > 3 and shape[0] == 1:
        shape.pop(0)
    return tuple(shape) if len(shape) in (2, 3) and min(shape) > 0 else ()


def _find_geometry(data: Any) -> Any:
    """DREAM.3D's geometry of the container that a cell array is in; None for other arrays."""
    container = data.parent.parent
    geometry = container.get("_SIMPL_GEOMETRY") if len(data.shape) == 4 else None
    return geometry if geometry is not None and "SPACING" in geometry else None


def _find_lengths(data: Any, path: Path) -> Lengths | None:
    """Edge lengths (z, y, x) in metres; DREAM.3D has no unit, the origin moves the box only."""
    geometry = _find_geometry(data)
    if geometry is not None:
        return read_bare_lengths(np.asarray(geometry["SPACING"]).tolist()[::-1], path)
    sizes = np.ravel(data.attrs.get("element_size_um", ())).tolist()
    lengths = [to_metres(size, "um") for size in sizes]
    return tuple(one for one in lengths if one) if lengths and all(lengths) else None


def _find_names(data: Any, array: NDArray[Any]) -> tuple[str, ...] | None:
    """The names of DREAM.3D's phases, which it counts from 1; None for other arrays."""
    if _find_geometry(data) is None or not data.name.endswith("/Phases") or array.min() < 1:
        return None
    names = data.parent.parent.get("CellEnsembleData/PhaseName")
    if names is None or len(names) <= array.max():
        return tuple(str(k) for k in range(int(array.max())))
    return tuple(str(name) for name in names.asstr()[...].ravel()[1:])
