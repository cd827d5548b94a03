"""A labelled 3D volume that stays on disk and is worked on in parts, within a stated memory."""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import Any

import attrs
import numba
import numpy as np
from numpy.typing import NDArray

from recon.core.data.phases import find_label
from recon.core.data.volume import Result, check_labels, check_voxel_size, name_phases
from recon.core.data.volume_file import read_volume_file
from recon.core.errors import ReconError
from recon.core.storage.budget import (
    format_memory,
    measure_available,
    measure_resident,
    parse_memory,
)

UNTOLD = 1_000_000_000  # bytes for parts where the system does not tell what is available
LARGEST = 1 << 24  # voxels of a part: more bring nothing
READ_AHEAD = 10  # chunks that zarr decodes at a time
SPARE = 150_000_000  # bytes for code that is compiled and loaded on the way, and for results

Triple = tuple[int, int, int]


@attrs.frozen(init=False, eq=False)
class ChunkedVolume:
    """Phase labels on a regular grid, larger than memory.

    array       (z, y, x) integer labels 0..K-1: a dask.array, a zarr array or what can be sliced
                like one; labels are checked when they are read
    memory      bytes that the parts in work may take together
    voxel_size  (z, y, x) edge lengths in metres
    phases      names of the K phases; when not given all labels are read once to know K
    provenance  what made it; None when unknown

    Metrics whose class says `chunked = True` measure it, to the same numbers as in memory. Needs
    dask (microrecon[scale]).
    """

    array: Any
    memory: int
    voxel_size: tuple[float, float, float]
    phases: tuple[str, ...]
    provenance: dict[str, Any] | None

    def __init__(
        self,
        array: Any,
        memory: int,
        voxel_size: Sequence[float] = (1.0, 1.0, 1.0),
        phases: Sequence[str] | None = None,
        provenance: dict[str, Any] | None = None,
    ) -> None:
        if len(array.shape) != 3 or 0 in array.shape:
            raise ReconError(
                f"volume must be a non-empty 3D array of labels, got shape {tuple(array.shape)}"
            )
        if phases is None:
            read = by_parts(array, memory, partial(_checked, None, np.max))
            phases = name_phases(None, max(int(largest) for _, largest in read))
        names = name_phases(phases, 0)
        self.__attrs_init__(array, memory, check_voxel_size(voxel_size), names, provenance)

    @classmethod
    def open(cls, path: str | Path, memory: str | int | None = None) -> "ChunkedVolume":
        """What Volume.open reads, without reading it.

        memory  that this process may hold in all, in bytes or such as "2GB"; by default half of
                what is available
        """
        stored = read_volume_file(Path(path))
        return cls(stored.pop("labels"), _for_parts(memory), **stored)

    def find_label(self, phase: int | str) -> int:
        """The label of a phase given by name or label."""
        return find_label(self.phases, phase)

    @property
    def shape(self) -> Triple:
        """Voxels along (z, y, x)."""
        z, y, x = self.array.shape
        return z, y, x

    @property
    def labels(self) -> NDArray[np.uint8]:
        """Not there: ReconError."""
        raise ReconError(
            "the labels of a volume larger than memory stay on disk; measure a subvolume, or "
            "open it with Volume.open"
        )

    def by_parts(
        self,
        function: Callable[[NDArray[np.uint8]], Result],
        whole: Collection[int] = (),
        cost: int = 4,
        overhead: int = 0,
    ) -> Iterator[tuple[Triple, Result]]:
        """(origin, function(labels)) of parts that cover the volume, in ascending order of origin.

        whole     axes along which a part is as long as the volume
        cost      bytes that the function and its part take, per voxel of the part
        overhead  bytes that it takes beside

        Parts are computed on threads, numba.get_num_threads() or as many as the memory allows;
        inside the function numba has the threads that are left.
        """
        checked = partial(_checked, self.phases, function)
        return by_parts(self.array, self.memory, checked, whole, cost, overhead)


def refuse_parts(plugins: Iterable[Any]) -> None:
    """ReconError for the first of metrics and properties that needs the whole volume in memory."""
    for plugin in plugins:
        if not getattr(plugin, "chunked", False):
            raise ReconError(
                f"{plugin.kind} {plugin.name} needs the whole volume in memory and cannot work in "
                "parts; measure a smaller subvolume, or leave memory= out"
            )


def _for_parts(memory: str | int | None) -> int:
    """Bytes of the memory given that are left for parts."""
    _dask()  # what it takes is counted
    if memory is None:
        left = measure_available()
        return UNTOLD if left is None else left // 2
    given = parse_memory(memory) if isinstance(memory, str) else memory
    taken = measure_resident() + SPARE
    if given <= taken:
        raise ReconError(
            f"memory of {format_memory(given)} is too little: recon itself takes "
            f"{format_memory(taken)}; give more"
        )
    return given - taken


def by_parts(
    array: Any,
    memory: int,
    function: Callable[[NDArray[Any]], Result],
    whole: Collection[int] = (),
    cost: int = 4,
    overhead: int = 0,
) -> Iterator[tuple[Triple, Result]]:
    """What a function makes of the parts of an array (see ChunkedVolume.by_parts)."""
    dask = _dask()
    lazy = isinstance(array, dask.array.Array)
    chunks = array.chunksize if lazy else getattr(array, "chunks", array.shape)
    read = min(READ_AHEAD * math.prod(chunks), math.prod(array.shape))
    overhead += read * np.dtype(array.dtype).itemsize
    threads, voxels = share_memory(array.shape, memory, whole, cost, overhead)
    shape = choose_part_shape(array.shape, chunks, whole, voxels)
    parts = array.rechunk(shape) if lazy else dask.array.from_array(array, shape, name=False)
    inner = max(1, numba.get_num_threads() // threads)
    task = dask.delayed(partial(_with_threads, inner, function))
    starts = product(*(range(0, side, step) for side, step in zip(array.shape, shape, strict=True)))
    places = np.ndindex(*parts.numblocks)
    # A batch of as many parts as there are threads: what dask holds at a time is bounded.
    while batch := list(islice(places, threads)):
        tasks = [task(parts.blocks[place]) for place in batch]
        results = dask.compute(*tasks, scheduler="threads", num_workers=threads)
        yield from zip(islice(starts, threads), results, strict=True)


def _dask() -> Any:
    try:
        import dask.array
    except ImportError as error:
        raise ReconError(
            "volumes larger than memory need dask; install it with pip install microrecon[scale]"
        ) from error
    return dask


def share_memory(
    shape: Sequence[int], memory: int, whole: Collection[int], cost: int, overhead: int
) -> tuple[int, int]:
    """How many threads the memory is enough for, and the voxels of the part of each."""
    least = overhead + cost * math.prod(shape[axis] for axis in whole)
    threads = min(numba.get_num_threads(), memory // least)
    if threads < 1:
        raise ReconError(
            f"parts of the volume need {format_memory(least)} of memory beside recon itself, got "
            f"{format_memory(memory)}; give more, or write the volume in smaller chunks"
        )
    return threads, min(LARGEST, (memory // threads - overhead) // cost)


def choose_part_shape(
    shape: Sequence[int], chunks: Sequence[int], whole: Collection[int], voxels: int
) -> Triple:
    """Shape of a part of at most so many voxels, but whole along some axes.

    Along the others it has a number of chunks, or less than one when that is already too much.
    """
    free = [axis for axis in range(3) if axis not in whole]
    part = [side if axis in whole else min(side, chunk)
            for axis, (side, chunk) in enumerate(zip(shape, chunks, strict=True))]  # fmt: skip
    while math.prod(part) > voxels and any(part[axis] > 1 for axis in free):
        longest = max(free, key=lambda axis: part[axis])
        others = math.prod(part) // part[longest]
        count = math.ceil(part[longest] / max(1, voxels // others))
        part[longest] = math.ceil(part[longest] / count)
    while free:
        shortest = min(free, key=lambda axis: part[axis])
        longer = min(shape[shortest], part[shortest] + chunks[shortest])
        if part[shortest] < longer and math.prod(part) // part[shortest] * longer <= voxels:
            part[shortest] = longer
        else:
            free.remove(shortest)
    return part[0], part[1], part[2]


def _with_threads(threads: int, function: Callable[[Any], Result], part: Any) -> Result:
    """Call a function with so many threads of numba's; the setting is one of the calling thread."""
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        return function(part)
    finally:
        numba.set_num_threads(before)


def _checked(
    phases: Sequence[str] | None, function: Callable[[NDArray[np.uint8]], Result], part: Any
) -> Result:
    labels = check_labels(part, 3, "volume")
    if phases is not None:
        name_phases(phases, int(labels.max()))
    return function(labels)
