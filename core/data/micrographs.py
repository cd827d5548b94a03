"""Labelled 2D micrographs of up to three orthogonal planes and their file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import zarr
from numpy.typing import NDArray

from recon.core.data.phases import find_label
from recon.core.data.planes import PLANES
from recon.core.data.volume import check_labels, check_voxel_size, name_phases
from recon.core.data.volume_file import build_zarr_reader
from recon.core.errors import ReconError, unknown
from recon.core.storage.atomic import atomic_output
from recon.core.storage.zarr_store import (
    COMPRESSION,
    LOST,
    damage_error,
    open_store,
    read_recon_attribute,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@attrs.frozen(init=False, eq=False)
class Micrographs:
    """Phase labels on slices of one, two or three planes.

    planes      plane -> slices (a, b) uint8, read-only; "xy" is (y, x), "xz" (z, x), "yz" (z, y);
                slices of one plane may differ in size
    voxel_size  (z, y, x) edge lengths in metres
    phases      names of the K phases
    origin      images and settings of `recon import`; None if unknown
    """

    planes: dict[str, tuple[NDArray[np.uint8], ...]]
    voxel_size: tuple[float, float, float]
    phases: tuple[str, ...]
    origin: dict[str, Any] | None

    def __init__(
        self,
        planes: Mapping[str, Any],
        voxel_size: Sequence[float] = (1.0, 1.0, 1.0),
        phases: Sequence[str] | None = None,
        origin: dict[str, Any] | None = None,
    ) -> None:
        for plane in planes:
            if plane not in PLANES:
                raise unknown("plane", plane, PLANES)
        checked = {
            plane: tuple(check_labels(image, 2, f"{plane} slice") for image in planes[plane])
            for plane in PLANES
            if plane in planes
        }
        if not checked or not all(checked.values()):
            raise ReconError("micrographs must have at least one slice on every plane given")
        largest = max(int(image.max()) for stack in checked.values() for image in stack)
        names = name_phases(phases, largest)
        self.__attrs_init__(checked, check_voxel_size(voxel_size), names, origin)

    def find_label(self, phase: int | str) -> int:
        """The label of a phase given by name or label."""
        return find_label(self.phases, phase)

    def fractions(self) -> NDArray[np.float64]:
        """Share of each phase (K,): mean over planes of the share of the plane's pixels."""
        counts = np.array([_counts(stack, len(self.phases)) for stack in self.planes.values()])
        return np.asarray((counts / counts.sum(1, keepdims=True)).mean(0))

    def plot(self) -> "Figure":
        """A figure of the first slice of each plane."""
        from recon.core.data.pictures import draw_slices

        first = {plane: stack[0] for plane, stack in self.planes.items()}
        return draw_slices(first, self.voxel_size, self.phases)

    def __repr__(self) -> str:
        counts = ", ".join(f"{plane} {len(stack)}" for plane, stack in self.planes.items())
        return f"Micrographs(slices {counts}; phases {', '.join(self.phases)})"

    def _repr_html_(self) -> str:
        from recon.core.data.pictures import format_html

        counts = ", ".join(f"{plane} {len(stack)}" for plane, stack in self.planes.items())
        shares = dict(zip(self.phases, self.fractions().tolist(), strict=True))
        first = {plane: stack[0] for plane, stack in self.planes.items()}
        return format_html(f"Micrographs, slices: {counts}", first, self.voxel_size, shares)

    def save(self, path: str | Path) -> None:
        """Write a zarr group: one group a plane, one array a slice."""
        with atomic_output(Path(path), folder=True) as partial:
            self.put(partial)

    def put(self, partial: Path) -> None:
        """Write into the empty folder of an unfinished file."""
        group = zarr.create_group(partial, zarr_format=3)
        group.attrs["recon"] = {
            "kind": "micrographs",
            "voxel_size": list(self.voxel_size),
            "phases": list(self.phases),
            "slices": {plane: len(stack) for plane, stack in self.planes.items()},
            **({"import": self.origin} if self.origin else {}),
        }
        for plane, stack in self.planes.items():
            member = group.create_group(plane)
            for number, image in enumerate(stack):
                member.create_array(
                    f"{number:04d}",
                    data=image,
                    chunks=image.shape,
                    compressors=COMPRESSION,
                    fill_value=LOST,
                )

    @classmethod
    def open(cls, path: str | Path) -> "Micrographs":
        """Read what `save` wrote."""
        reader = build_zarr_reader()
        node = open_store(Path(path), "micrographs")
        recon = read_recon_attribute(node, Path(path), "micrographs")
        if recon.get("kind") != "micrographs":
            raise ReconError(f"{path} holds no micrographs; make them with `recon import`")
        planes = {
            plane: [reader.read_array(array, Path(path), "micrographs") for array in stack]
            for plane, stack in _stored(node, Path(path)).items()
        }
        noted = recon.get("slices")
        if noted is not None and noted != {plane: len(stack) for plane, stack in planes.items()}:
            raise damage_error("micrographs", Path(path), "slices of it are missing")
        for key in ("voxel_size", "phases"):
            if key not in recon:
                raise damage_error("micrographs", Path(path), f"its attribute recon lacks {key}")
        return cls(planes, recon["voxel_size"], recon["phases"], recon.get("import"))


def _stored(node: Any, path: Path) -> dict[str, list[Any]]:
    """Plane -> zarr arrays of its slices, in order; each plane is a folder, each slice one in it.

    zarr's own listing of a damaged group leaves asyncio complaining.
    """
    try:
        return {
            plane: [
                node[f"{plane}/{folder.name}"]
                for folder in sorted((path / plane).iterdir())
                if folder.is_dir()
            ]
            for plane in PLANES
            if (path / plane).is_dir()
        }
    except Exception as error:  # zarr raises many kinds for a damaged folder
        raise damage_error("micrographs", path, error) from error


def _counts(stack: Sequence[NDArray[np.uint8]], phases: int) -> NDArray[np.int64]:
    counts = [np.bincount(image.ravel(), minlength=phases) for image in stack]
    return np.asarray(np.sum(counts, 0))
