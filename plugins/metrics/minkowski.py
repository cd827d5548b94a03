"""Minkowski functionals from counts of 2 x 2 pixels and 2 x 2 x 2 voxels.

Perimeter and surface by Crofton's formula, from changes of phase along 4 and 13 directions of the
lattice; the integral of mean curvature by the same formula from Euler numbers of sections along 13
planes of it; Euler numbers by cells of the lattice. Directions weigh as the part of the circle or
sphere that is nearest to them, in space and not in voxels. Balls of 10 voxels come out right to
1 %; of cylinders along an axis, surface is 3 % and curvature 7 % too small.

cost  O(voxels), one pass for each plane and one for the volume

Ohser & Mucklich, Statistical Analysis of Microstructures in Materials Science, Wiley (2000);
Legland, Kieu & Devaux, Image Analysis & Stereology 26, 83 (2007).
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core import Compared, Metric
from recon.plugins.metrics.labels import coordinates
from recon.plugins.metrics.slices import (
    fixed,
    over_slices,
    pixel_edges,
    pool_parts,
    voxel_edges,
)

if TYPE_CHECKING:
    import xarray as xr

    from recon.core import Micrographs, Volume

UNITS = {"perimeter": "1/voxel", "euler_number": "1/voxel^2"}
UNITS_3D = {"surface": "1/voxel", "mean_curvature": "1/voxel^2", "euler_number_3d": "1/voxel^3"}


@attrs.frozen
class Minkowski(Metric):
    """Area, perimeter, Euler number per slice area; volume, surface, curvature, Euler per volume.

    Pixels and voxels of a phase are connected through edges and faces (4 and 6 neighbours), those
    of the rest through corners too (8 and 26). What is counted lies wholly inside the sample: its
    border is no boundary of a phase, and neither a hole nor a body that it cuts counts as whole,
    so the densities are those of the material whatever the size of the sample. Slices of one plane
    are pooled. Lengths are in voxels, of anisotropic voxels in the shortest edge.

    returns  area             (phase, plane) area fraction
             perimeter        (phase, plane) length of the boundary per area
             euler_number     (phase, plane) components minus holes, per area
             and of a volume
             volume           (phase,) volume fraction
             surface          (phase,) area of the boundary per volume
             mean_curvature   (phase,) integral of the mean curvature (1/r on a ball of radius r)
                              over the boundary, per volume; negative where it is hollow
             euler_number_3d  (phase,) components minus tunnels plus cavities, per volume
             A phase that does not occur has 0; NaN where a side has a single voxel, but for area
             and volume.
    """

    name = "minkowski"
    title = "Minkowski functionals"
    compared = (
        Compared("perimeter", "Perimeter", "the perimeter", micrographs=True),
        Compared(
            "euler_number",
            "Euler number of slices",
            "the Euler number of slices",
            micrographs=True,
        ),
        Compared("mean_curvature", "Mean curvature", "the mean curvature"),
        Compared("euler_number_3d", "Euler number", "the Euler number"),
    )

    def measure(self, sample: "Volume | Micrographs") -> "xr.Dataset":
        """Minkowski functionals of a volume or of micrographs."""
        import xarray as xr

        from recon.core import Micrographs

        phases = len(sample.phases)
        counted = over_slices(partial(_count, phases), sample)
        planes = [
            _of_plane(pool_parts(counts), pixel_edges(sample, plane))
            for plane, counts in counted.items()
        ]
        values: dict[str, Any] = {
            name: (("phase", "plane"), np.stack([one[name] for one in planes], 1), _units(name))
            for name in planes[0]
        }
        if not isinstance(sample, Micrographs):
            solid = _of_volume(sample.labels, phases, voxel_edges(sample))
            values |= {name: (("phase",), value, _units(name)) for name, value in solid.items()}
        return xr.Dataset(values, coordinates(phase=range(phases), plane=tuple(counted)))


def _count(
    phases: int, part: NDArray[np.uint8], plane: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    from recon.plugins.metrics.configurations import count_configurations

    pixels = np.bincount(part.reshape(-1), minlength=phases)
    return pixels, count_configurations(part, 1, phases)


def _of_plane(
    counts: tuple[NDArray[np.int64], ...], edges: tuple[float, float]
) -> dict[str, NDArray[np.float64]]:
    from recon.plugins.metrics.minkowski_weights import euler_number_2d, perimeter

    pixels, configurations = counts
    return {
        "area": pixels / pixels.sum(),
        "perimeter": _mean(configurations, perimeter(edges)),
        "euler_number": _mean(configurations, euler_number_2d(edges)),
    }


def _of_volume(
    labels: NDArray[np.uint8], phases: int, edges: tuple[float, float, float]
) -> dict[str, NDArray[np.float64]]:
    from recon.plugins.metrics.configurations import count_configurations
    from recon.plugins.metrics.minkowski_weights import euler_number_3d, mean_curvature, surface

    configurations = count_configurations(fixed(labels), 2, phases)
    return {
        "volume": np.bincount(labels.reshape(-1), minlength=phases) / labels.size,
        "surface": _mean(configurations, surface(edges)),
        "mean_curvature": _mean(configurations, mean_curvature(edges)),
        "euler_number_3d": _mean(configurations, euler_number_3d(edges)),
    }


def _mean(counts: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean weight over all places, of each phase (phases,); NaN where there is no place."""
    places = counts[0].sum()
    return counts @ weights / (places if places else np.nan)


def _units(name: str) -> dict[str, str]:
    units = UNITS | UNITS_3D
    return {"units": units[name]} if name in units else {}
