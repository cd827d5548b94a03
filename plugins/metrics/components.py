"""Components: how many connected bodies of each phase there are and how large, on slices and whole.

cost  O(pixels) per phase and plane, 21 bytes a pixel

Hoshen & Kopelman, Phys. Rev. B 14, 3438 (1976).
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core import Compared, Metric, option
from recon.plugins.metrics.labels import coordinates
from recon.plugins.metrics.slices import over_slices, pixel_edges, pool_parts, voxel_edges

if TYPE_CHECKING:
    import xarray as xr

    from recon.core import ChunkedVolume, Micrographs, Volume

COST = 21  # bytes a pixel of a part: its label, index, slice, and copies of these
ALONG_SLICES = np.zeros((3, 3, 3), bool)  # pixels of one slice that share an edge
ALONG_SLICES[1, 1, :] = ALONG_SLICES[1, :, 1] = True


@attrs.frozen
class Components(Metric):
    """Number and sizes of the connected components of each phase, by slice area and by volume.

    Pixels are connected through edges, voxels through faces. A component that the border cuts
    counts as one of the size that is seen, so that only samples of one size can be compared.
    Slices of one plane are pooled. Areas and volumes are in the shortest edge of the voxel, sizes
    in pixels and voxels.

    returns  number            (phase, plane) components per area
             sizes             (phase, plane, size) share of the components that have size to
                               2 size - 1 pixels, size = 1, 2, 4...; the last holds all larger ones
             largest_share     (phase, plane) share of the phase's pixels in the largest component
                               of their slice
             and of a volume
             number_3d         (phase,) components per volume
             sizes_3d          (phase, size)
             largest_share_3d  (phase,)
             A phase that does not occur has number 0, the others are NaN.
    """

    name = "components"
    title = "Components"
    compared = (
        Compared(
            "number",
            "Components on slices",
            "the number of components on slices",
            micrographs=True,
        ),
        Compared(
            "sizes",
            "Sizes of components on slices",
            "the sizes of components on slices",
            axis="size",
            micrographs=True,
        ),
        Compared(
            "largest_share",
            "Largest component on slices",
            "the share of the largest component on slices",
            micrographs=True,
        ),
        Compared("number_3d", "Components", "the number of components"),
        Compared("sizes_3d", "Sizes of components", "the sizes of components", axis="size"),
    )
    chunked = True
    classes: int = option(16, "Classes of size, each twice as wide as the last.", min=1, max=48)

    def measure(self, sample: "Volume | ChunkedVolume | Micrographs") -> "xr.Dataset":
        """Components of a volume or of micrographs."""
        import xarray as xr

        from recon.core import Micrographs

        phases = len(sample.phases)
        by_plane = over_slices(partial(_on_slices, phases, self.classes), sample, COST)
        planes = [
            _statistics(pool_parts(parts), pixel_edges(sample, name))
            for name, parts in by_plane.items()
        ]
        number, sizes, largest = (np.stack(each, axis=1) for each in zip(*planes, strict=True))
        values: dict[str, Any] = {
            "number": (("phase", "plane"), number, {"units": "1/voxel^2"}),
            "sizes": (("phase", "plane", "size"), sizes),
            "largest_share": (("phase", "plane"), largest),
        }
        if not isinstance(sample, Micrographs):
            counted = _in_space(sample, self.classes)
            number, sizes, largest = _statistics(counted, voxel_edges(sample))
            values |= {
                "number_3d": (("phase",), number, {"units": "1/voxel^3"}),
                "sizes_3d": (("phase", "size"), sizes),
                "largest_share_3d": (("phase",), largest),
            }
        size = tuple((2 ** np.arange(self.classes)).tolist())
        places = {"phase": range(phases), "plane": tuple(by_plane), "size": size}
        return xr.Dataset(values, coordinates((("size", "voxel"),), **places))


Counts = tuple[NDArray[np.int64], ...]
"""Components (phases, classes), pixels of the largest (phases,), pixels of the phase (phases,)."""


def _on_slices(phases: int, classes: int, part: NDArray[np.uint8], plane: str) -> Counts:
    """Counts on slices (n, a, b)."""
    from scipy.ndimage import label

    slices = np.repeat(np.arange(len(part), dtype=np.int32), part[0].size)
    each = []
    for phase in range(phases):
        index, count = label(part == phase, ALONG_SLICES)
        index = index.reshape(-1)
        sizes = np.bincount(index, minlength=count + 1)[1:]
        owner = np.zeros(count + 1, np.int32)
        owner[index] = slices
        largest = np.zeros(len(part), np.int64)
        np.maximum.at(largest, owner[1:], sizes)
        each.append((_by_class(sizes, classes), largest.sum(), sizes.sum()))
    return tuple(np.array(values) for values in zip(*each, strict=True))


def _in_space(sample: "Volume | ChunkedVolume", classes: int) -> Counts:
    """Counts in the whole volume."""
    from recon.plugins.metrics.clusters_by_parts import ClustersByParts

    each = []
    for phase in range(len(sample.phases)):
        sizes = ClustersByParts(sample, phase, periodic=False).sizes[1:]
        each.append((_by_class(sizes, classes), sizes.max(initial=0), sizes.sum()))
    return tuple(np.array(values) for values in zip(*each, strict=True))


def _by_class(sizes: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Components (classes,) of 1, 2 to 3, 4 to 7... pixels."""
    octave = np.frexp(sizes)[1] - 1
    return np.bincount(np.minimum(octave, classes - 1), minlength=classes)


def _statistics(counted: Counts, edges: tuple[float, ...]) -> tuple[NDArray[np.float64], ...]:
    """Number per area or volume, shares by size, share of the largest."""
    counts, largest, pixels = counted
    number = counts.sum(1)
    there = np.where(number > 0, number, np.nan)
    space = pixels.sum() * np.prod(edges)
    return number / space, counts / there[:, None], largest / np.where(pixels > 0, pixels, np.nan)
