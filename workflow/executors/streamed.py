"""A volume that goes to its file slab by slab, and is never whole in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.storage import ome_zarr

Planes = Iterator[tuple[int, NDArray[np.uint8]]]
"""First place along z and labels (n, Y, X) of slabs."""


@attrs.frozen(eq=False)
class StreamedVolume:
    """Phase labels that can be read once, in slabs along z.

    shape, voxel_size, phases, provenance  as of a Volume
    slabs   those that this process holds
    before  called with the unfinished file before this process writes its slabs, and
    after   when it has: where other processes write theirs
    """

    shape: tuple[int, int, int]
    voxel_size: tuple[float, float, float]
    phases: tuple[str, ...]
    slabs: Callable[[], Planes]
    provenance: dict[str, Any] | None = None
    before: Callable[[Path], None] = lambda path: None
    after: Callable[[], None] = lambda: None

    def save(self, path: str | Path) -> None:
        """Write OME-Zarr 0.5; the file appears whole or not at all, and never over another."""
        ome_zarr.write(Path(path), self)

    def put(self, partial: Path) -> None:
        """Write the labels to the array of an unfinished file."""
        self.before(partial)
        ome_zarr.put(partial, self.slabs())
        self.after()
