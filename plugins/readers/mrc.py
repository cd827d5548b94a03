"""MRC and CCP4 maps of electron tomography.

https://www.ccpem.ac.uk/mrc_format/mrc2014.php
"""

from math import prod
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from recon.core.errors import ReconError
from recon.core.kinds import ImageFile, Reader
from recon.core.kinds.reader import damage_error
from recon.plugins.readers.lengths import to_metres
from recon.plugins.readers.unpacked import check_size

HEADER = 1024
MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
IMOD, SIGNED = 1146047817, 1
"""IMOD's stamp, and the flag without which its bytes have no sign."""
STACKS = range(401, 631)
"""Space groups of stacks of volumes, each of MZ sections."""


@attrs.frozen
class Mrc(Reader):
    """A slice or a stack with its pixel size; axes in any order; skips extended headers."""

    name = "mrc"
    suffixes = (".mrc", ".map", ".rec")

    def read(self, path: Path) -> ImageFile:
        with path.open("rb") as file:
            header = file.read(HEADER)
        if len(header) < HEADER:
            raise damage_error(path, "it is shorter than its header")
        order = ">" if header[212:213] == b"\x11" else "<"
        numbers = np.frombuffer(header, f"{order}i4")
        columns, rows, sections, mode = numbers[:4].tolist()
        if mode not in MODES:
            raise ReconError(f"{path} holds values of MRC mode {mode}; save it as integers or real")
        dtype = np.dtype(order + MODES[mode])
        if mode == 0 and numbers[38] == IMOD and not numbers[39] & SIGNED:
            dtype = np.dtype("u1")
        shape = (sections, rows, columns)
        if min(shape) < 1:
            raise damage_error(path, f"its sides are {shape}")
        if numbers[22] in STACKS and 0 < numbers[9] < sections:
            raise ReconError(f"{path} holds {sections // numbers[9]} volumes; save one of them")
        check_size(prod(shape) * dtype.itemsize, path)
        start = HEADER + max(0, int(numbers[23]))
        if start + prod(shape) * dtype.itemsize > path.stat().st_size:
            raise damage_error(path, "it is cut off")
        stored = np.memmap(path, dtype, "r", start, shape)
        array = np.array(stored.transpose(_find_axes(numbers[16:19].tolist(), path)))
        z, y, x = _find_lengths(header, order)
        return ImageFile(path, array, (y, x) if y and x else None, z)


def _find_axes(stored: list[int], path: Path) -> list[int]:
    """Places of z, y, x among the axes as stored (sections, rows, columns); 1 is x, 3 is z."""
    axes = stored[::-1]
    if axes == [0, 0, 0]:  # not filled in
        return [0, 1, 2]
    if sorted(axes) != [1, 2, 3]:
        raise damage_error(path, f"its axes are {stored}")
    return [axes.index(axis) for axis in (3, 2, 1)]


def _find_lengths(header: bytes, order: str) -> list[Any]:
    """Edges of a voxel along z, y, x in metres; None where the header does not tell."""
    counts = np.frombuffer(header, f"{order}i4", 3, 28)
    cell = np.frombuffer(header, f"{order}f4", 3, 40)
    return [
        to_metres(f"{length / count:.7g}", "angstrom") if count > 0 else None
        for length, count in zip(cell[::-1].tolist(), counts[::-1].tolist(), strict=True)
    ]
