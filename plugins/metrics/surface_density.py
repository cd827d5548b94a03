"""Surface density: interface per volume, from the faces between voxels.

A line along an axis meets the interface of a phase once in every voxel face that it crosses
between the phase and another: the density of these faces is P_L, the number of intersections per
length of test line. Where the normals of the interface point everywhere alike, S_V = 2 P_L
(Smith & Guttman, J. Metals 5, 81 (1953); Underwood, Quantitative Stereology (1970), chapter 2): a
patch dS is met in proportion to |cos| of its angle to the line, whose mean over a sphere is 1/2.

cost  O(voxels), one pass per axis; counts of parts with a common layer add up
"""

from functools import partial

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Compared, Metric, option
from recon.core.data.planes import AXES
from recon.plugins.compiling import kernel
from recon.plugins.metrics.curves import Sample, along_axes, by_direction, pool_parts, ratio
from recon.plugins.metrics.labels import coordinates
from recon.plugins.metrics.segments import along


@attrs.frozen
class SurfaceDensity(Metric):
    """Interface area of each phase per volume: faces by direction, isotropic specific surface.

    Counted between voxels that are neighbours inside the sample; with `periodic`, also through its
    border. Of micrographs, edges are pooled over the slices of a plane, and a direction seen on
    two planes is the mean of both.

    returns  faces             (phase, direction) faces normal to the direction between the phase
                               and others, per voxel; NaN where the side has a single voxel, a
                               direction that was not seen is absent
             specific_surface  (phase,) S_V = 2 x the mean of faces over the directions, per edge
                               of the voxel (the shortest one). The area of the voxel faces
                               themselves is 3 x that mean: staircases exaggerate a smooth
                               isotropic surface by half. Of an anisotropic material it is an
                               estimate: a laminate normal to an axis has 3/2 of the estimate
             A phase that does not occur has 0.
    """

    name = "surface-density"
    title = "Specific surface area"
    compared = (
        Compared(
            "faces",
            "Specific surface area by direction",
            "the specific surface area",
            micrographs=True,
        ),
    )
    chunked = True
    periodic: bool = option(False, "Continue the sample periodically.")

    def measure(self, sample: Sample) -> xr.Dataset:
        """Surface density of a volume or of micrographs."""
        phases = len(sample.phases)
        count = partial(_faces_and_places, phases, self.periodic)
        counted = by_direction(along_axes(count, pool_parts, sample))
        faces = np.concatenate(list(counted.values()), axis=1)
        edges = dict(zip(AXES, sample.voxel_size, strict=True))
        lengths = np.array([edges[name] for name in counted]) / min(sample.voxel_size)
        known = np.isfinite(faces)
        surface = 2 * ratio(np.where(known, faces / lengths, 0).sum(1), known.sum(1))
        units = {"units": "1/voxel"}
        return xr.Dataset(
            {
                "faces": (("phase", "direction"), faces, units),
                "specific_surface": (("phase",), surface, units),
            },
            coordinates(phase=range(phases), direction=tuple(counted)),
        )


def _faces_and_places(
    phases: int, periodic: bool, part: NDArray[np.uint8], axis: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Faces (phases, 1) normal to an axis, and the places (1,) where one could be."""
    side = part.shape[axis]
    places = part.size // side * (side if periodic else side - 1)
    return count_faces(along(part, axis), phases, periodic)[:, None], np.array([places])


def count_faces(lines: NDArray[np.uint8], phases: int, periodic: bool) -> NDArray[np.int64]:
    """Faces (phases,) between a phase and others, normal to the middle axis of the lines."""
    faces = np.zeros(phases, np.int64)
    _add_faces(lines, periodic, faces)
    return faces


@kernel()
def _add_faces(lines: NDArray[np.uint8], periodic: bool, faces: NDArray[np.int64]) -> None:
    outer, length, inner = lines.shape
    for i in range(outer):
        for k in range(0 if periodic else 1, length):
            here, before = lines[i, k], lines[i, k - 1]
            for j in range(inner):
                if here[j] != before[j]:
                    faces[here[j]] += 1
                    faces[before[j]] += 1
