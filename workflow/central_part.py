"""The part of stored volumes that fits into memory: what is compared of very large ones."""

import warnings
from collections.abc import Sequence
from math import prod
from pathlib import Path

from recon.core.data.volume import Volume
from recon.core.data.volume_file import read_volume_file
from recon.core.storage.budget import measure_available
from recon.workflow.whole_volume import IN_MEMORY

SHARE = 0.5
"""Of the memory, for volumes; the libraries take some too."""


def open_central_parts(paths: Sequence[Path], memory: int | None) -> list[Volume]:
    """Stored volumes of one shape, or their middle where all of them do not fit; that is warned of.

    memory  bytes to keep within; when not given what is available
    """
    limit = measure_available() if memory is None else memory
    shape = read_volume_file(paths[0])["labels"].shape
    sides = (
        shape if limit is None else limit_sides(shape, int(SHARE * limit / IN_MEMORY / len(paths)))
    )
    if sides == shape:
        return [Volume.open(path) for path in paths]
    warnings.warn(
        f"comparison and report use only the middle {' x '.join(map(str, sides))} of "
        f"{' x '.join(map(str, shape))} voxels, because more does not fit into memory",
        stacklevel=2,
    )
    volumes = []
    for path in paths:
        stored = read_volume_file(path)
        starts = [(whole - part) // 2 for whole, part in zip(shape, sides, strict=True)]
        place = tuple(slice(a, a + part) for a, part in zip(starts, sides, strict=True))
        volumes.append(Volume(stored.pop("labels")[place], **stored))
    return volumes


def limit_sides(shape: tuple[int, ...], voxels: int) -> tuple[int, ...]:
    """Sides with at most so many voxels: those above a common length are cut to it."""
    length = max(shape)
    while length > 1 and prod(min(side, length) for side in shape) > voxels:
        length -= 1
    return tuple(min(side, length) for side in shape)
