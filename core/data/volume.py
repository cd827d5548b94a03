"""A labelled 3D volume and its file."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.phases import find_label
from recon.core.data.planes import NORMAL
from recon.core.data.volume_file import read_volume_file
from recon.core.errors import ReconError, shown
from recon.core.storage import ome_zarr

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_PHASES = 255
Result = TypeVar("Result")


def name_phases(phases: Sequence[str] | None, largest: int) -> tuple[str, ...]:
    """Given names of the phases, or "0".."K-1"; there must be one for every label."""
    names: tuple[Any, ...] = tuple(str(k) for k in range(largest + 1))
    if phases is not None:
        names = tuple(phases) if isinstance(phases, Iterable) else (phases,)
    if not all(isinstance(name, str) for name in names):
        raise ReconError(f"phases must be names, one for every label, got {shown(phases)}")
    if len(names) <= largest:
        raise ReconError(
            f"phases must name every label, got {len(names)} names and the label {largest}"
        )
    if len(set(names)) != len(names):
        raise ReconError(f"phases must have different names, got {', '.join(names)}")
    return names


def check_voxel_size(size: Sequence[float]) -> tuple[float, float, float]:
    """Three positive finite lengths (z, y, x) in metres."""
    try:
        lengths = tuple(float(length) for length in size)
    except (TypeError, ValueError, OverflowError):
        lengths = ()
    if len(lengths) != 3 or not all(0 < length < np.inf for length in lengths):
        raise ReconError(
            f"voxel size must be three lengths (z, y, x) in metres > 0, got {shown(size)}"
        )
    return lengths[0], lengths[1], lengths[2]


def check_labels(array: Any, dimensions: int, what: str) -> NDArray[np.uint8]:
    """An integer array of phase labels 0..254 as contiguous uint8, not writable."""
    labels = np.asarray(array)
    if labels.ndim != dimensions or 0 in labels.shape:
        raise ReconError(
            f"{what} must be a non-empty {dimensions}D array of labels, got shape {labels.shape}"
        )
    if labels.dtype == bool:
        labels = labels.astype(np.uint8)
    if labels.dtype.kind not in "iu":
        raise ReconError(f"{what} must hold integer labels 0..K-1, got {labels.dtype}")
    if labels.min() < 0 or labels.max() >= MAX_PHASES:
        raise ReconError(
            f"{what} must hold labels 0..{MAX_PHASES - 1}, got {labels.min()}..{labels.max()}; "
            "`recon import` makes phases of other values"
        )
    labels = np.ascontiguousarray(labels, dtype=np.uint8).view()
    labels.flags.writeable = False
    return labels


@attrs.frozen(init=False, eq=False)
class Volume:
    """Phase labels on a regular grid.

    labels      (z, y, x) uint8, 0..K-1, read-only
    voxel_size  (z, y, x) edge lengths in metres; 1.0 if unknown
    phases      names of the K phases; K may exceed labels.max() + 1
    provenance  recipe, seed, versions and hash of the weights that made it; None if unknown
    """

    labels: NDArray[np.uint8]
    voxel_size: tuple[float, float, float]
    phases: tuple[str, ...]
    provenance: dict[str, Any] | None

    def __init__(
        self,
        labels: Any,
        voxel_size: Sequence[float] = (1.0, 1.0, 1.0),
        phases: Sequence[str] | None = None,
        provenance: dict[str, Any] | None = None,
    ) -> None:
        checked = check_labels(labels, 3, "volume")
        names = name_phases(phases, int(checked.max()))
        self.__attrs_init__(checked, check_voxel_size(voxel_size), names, provenance)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (z, y, x)."""
        z, y, x = self.labels.shape
        return z, y, x

    def by_parts(
        self,
        function: Callable[[NDArray[np.uint8]], Result],
        whole: Collection[int] = (),
        cost: int = 0,
        overhead: int = 0,
    ) -> Iterator[tuple[tuple[int, int, int], Result]]:
        """What a function makes of the labels: the one part of a volume in memory.

        The same as of a ChunkedVolume, so that a statistic is written once.
        """
        yield (0, 0, 0), function(self.labels)

    def find_label(self, phase: int | str) -> int:
        """The label of a phase given by name or label."""
        return find_label(self.phases, phase)

    def fractions(self) -> NDArray[np.float64]:
        """Share of each phase (K,)."""
        counts = np.bincount(self.labels.ravel(), minlength=len(self.phases))
        return np.asarray(counts / self.labels.size)

    def export(self, *paths: str | Path, **options: Any) -> list[Path]:
        """Write files for other programs, each in the format that its suffix names."""
        from recon.core.exporters import export

        return export(self, *paths, **options)

    def plot(self) -> "Figure":
        """A figure of the middle slice of each plane."""
        from recon.core.data.pictures import draw_slices

        return draw_slices(self._middle_slices(), self.voxel_size, self.phases)

    def __repr__(self) -> str:
        sides = " x ".join(map(str, self.shape))
        return f"Volume({sides} voxels, phases {', '.join(self.phases)})"

    def _repr_html_(self) -> str:
        from recon.core.data.pictures import format_html

        sides = " x ".join(map(str, self.shape))
        shares = dict(zip(self.phases, self.fractions().tolist(), strict=True))
        title = f"Volume of {sides} voxels (z, y, x)"
        return format_html(title, self._middle_slices(), self.voxel_size, shares)

    def _middle_slices(self) -> dict[str, NDArray[np.uint8]]:
        return {
            plane: np.moveaxis(self.labels, axis, 0)[self.shape[axis] // 2]
            for plane, axis in NORMAL.items()
        }

    def put(self, partial: Path) -> None:
        """Write the labels to the array of an unfinished file."""
        ome_zarr.put(partial, [(0, self.labels)])

    def save(self, path: str | Path) -> None:
        """Write OME-Zarr 0.5; the file appears whole or not at all, and never over another."""
        ome_zarr.write(Path(path), self)

    @classmethod
    def open(cls, path: str | Path) -> "Volume":
        """Read what `save` wrote, or any OME-Zarr or zarr array of 3D labels."""
        given = read_volume_file(Path(path))
        return cls(given.pop("labels")[...], **given)
