"""Whether a stored volume is measured whole."""

import math
from importlib.util import find_spec
from pathlib import Path

from recon.core.data.volume_file import read_volume_file
from recon.core.storage.budget import measure_available

IN_MEMORY = 8
"""Bytes a voxel that the most demanding metric takes on a volume in memory."""


def fits_into_memory(path: Path) -> bool:
    """Whether a stored volume and what metrics make of it fit into the memory available.

    Said of any volume where there is no dask to read it in parts.
    """
    if find_spec("dask") is None:
        return True
    left = measure_available()
    voxels = math.prod(read_volume_file(path)["labels"].shape)
    return left is None or IN_MEMORY * voxels <= left
