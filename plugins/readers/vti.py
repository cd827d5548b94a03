"""VTK ImageData in XML, by pyvista."""

import re
from math import prod
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.kinds.reader import damage_error
from recon.core.options import option
from recon.plugins.readers.directions import find_order
from recon.plugins.readers.lengths import read_bare_lengths
from recon.plugins.readers.libraries import import_library
from recon.plugins.readers.unpacked import check_size

EXTENT = re.compile(rb'WholeExtent\s*=\s*"\s*((?:-?\d+\s*){6})"')
START = 65536
"""Bytes in which the extent must stand."""
KNOWN = ("phase", "material", "Phases", "phases", "labels")
"""Arrays that are labels, the first one found, where there are several."""


@attrs.frozen
class Vti(Reader):
    """An array of VTK ImageData, of cells or of points (needs pyvista)."""

    name = "vti"
    suffixes = (".vti",)
    dataset: str = option("", "Name of the array. Default: the only array, or the array of phases.")

    def read(self, path: Path) -> ImageFile:
        with path.open("rb") as file:
            extent = EXTENT.search(file.read(START))
        if extent is None:
            raise damage_error(path, "it has no WholeExtent")
        ends = [int(end) for end in extent[1].split()]
        check_size(prod(b - a + 1 for a, b in zip(ends[::2], ends[1::2], strict=True)), path)
        pyvista = import_library("pyvista", path)
        with pyvista.VtkErrorCatcher(raise_errors=True):
            grid = pyvista.read(path)
        name = self.dataset or _choose(grid, path)
        if name not in (*grid.cell_data.keys(), *grid.point_data.keys()):
            raise ReconError(f"{path} has no array {name}; it has {_list(grid)}")
        cells = name in grid.cell_data
        sides = [max(1, n - 1) if cells else n for n in grid.dimensions]
        values = np.asarray((grid.cell_data if cells else grid.point_data)[name])
        if values.ndim != 1:
            raise ReconError(f"{path}: {name} has {values.shape[1]} numbers a voxel; give another")
        order = find_order(list(np.asarray(grid.direction_matrix).T), path)[::-1]
        array = values.reshape(sides[::-1]).transpose([2 - place for place in order])
        lengths = read_bare_lengths([grid.spacing[place] for place in order], path)
        names = grid.field_data.get("phases")
        phases = None if names is None else tuple(map(str, np.ravel(names)))
        if lengths is None:
            return ImageFile(path, array, phases=phases)
        z, y, x = lengths
        return ImageFile(path, array, (y, x), z, phases=phases)


def _choose(grid: Any, path: Path) -> str:
    names = [*grid.cell_data.keys(), *grid.point_data.keys()]
    known = [name for name in KNOWN if name in names]
    if known or len(names) == 1:
        return str((known or names)[0])
    if not names:
        raise ReconError(f"{path} holds no array of cells or points")
    raise ReconError(f"{path} holds {_list(grid)}; name one by dataset=")


def _list(grid: Any) -> str:
    return ", ".join([*grid.cell_data.keys(), *grid.point_data.keys()]) or "none"
