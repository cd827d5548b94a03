"""A volume as OME-Zarr 0.5 (zarr v3), chunked, compressed, with coarser levels beside it.

https://ngff.openmicroscopy.org/0.5/
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import zarr
from numpy.typing import NDArray

from recon.core.storage.atomic import atomic_output
from recon.core.storage.zarr_store import COMPRESSION, LOST

CHUNK = 64


class Writable(Protocol):
    """What can be written: a Volume, or one that is written slab by slab."""

    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def voxel_size(self) -> tuple[float, float, float]: ...
    @property
    def phases(self) -> tuple[str, ...]: ...
    @property
    def provenance(self) -> dict[str, Any] | None: ...
    def put(self, partial: Path) -> None:
        """Write the labels to array "0" of an unfinished file."""


def write(path: Path, volume: Writable) -> None:
    """Write array "0" and levels of half the resolution each down to one chunk."""
    strides = [1]
    while max(volume.shape) // strides[-1] > CHUNK and min(volume.shape) // strides[-1] >= 2:
        strides.append(2 * strides[-1])
    with atomic_output(path, folder=True) as partial:
        group = zarr.create_group(partial, zarr_format=3)
        for level, stride in enumerate(strides):
            sides = [-(-side // stride) for side in volume.shape]
            group.create_array(
                str(level),
                shape=sides,
                dtype="uint8",
                chunks=tuple(min(CHUNK, side) for side in sides),
                compressors=COMPRESSION,
                fill_value=LOST,
                dimension_names=["z", "y", "x"],
            )
        volume.put(partial)
        for level in range(1, len(strides)):
            _halve(group[str(level - 1)], group[str(level)])
        group.attrs["ome"] = _metadata(volume.voxel_size, strides)
        group.attrs["recon"] = {
            "kind": "volume",
            "phases": list(volume.phases),
            **(volume.provenance or {}),
        }


def put(partial: Path, slabs: Iterable[tuple[int, NDArray[np.uint8]]]) -> None:
    """Write slabs along z to array "0" of an unfinished file: (first place, labels (n, Y, X))."""
    array = zarr.open_array(partial / "0", mode="r+")
    for low, labels in slabs:
        array[low : low + len(labels)] = labels


def _halve(fine: Any, coarse: Any) -> None:
    """Every second voxel: a coarse level holds no label that the fine one lacks."""
    for low in range(0, coarse.shape[0], CHUNK):
        high = min(low + CHUNK, coarse.shape[0])
        coarse[low:high] = fine[2 * low : 2 * high - 1 : 2, ::2, ::2]


def _metadata(voxel_size: Sequence[float], strides: list[int]) -> dict[str, Any]:
    axes = [{"name": name, "type": "space", "unit": "meter"} for name in ("z", "y", "x")]
    datasets = []
    for level, stride in enumerate(strides):
        scale = {"type": "scale", "scale": [length * stride for length in voxel_size]}
        datasets.append({"path": str(level), "coordinateTransformations": [scale]})
    return {
        "version": "0.5",
        "multiscales": [{"axes": axes, "datasets": datasets, "name": "labels"}],
    }
