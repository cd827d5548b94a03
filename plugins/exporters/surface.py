"""Surfaces of phases as triangles, for formats that hold such."""

from abc import abstractmethod
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.kinds import Exporter
from recon.core.options import option
from recon.plugins.exporters.lengths import UNIT, UNITS, measure_edges
from recon.plugins.exporters.phases import WITHOUT, keep_labels, restrict_names

Points = NDArray[np.float32]
Triangles = NDArray[np.int32]
LEVEL = 0.5
TIE = 1e-5
"""What the indicator exceeds 1 by. Where four voxels of a square are in and out crosswise, equal
distances to the level let marching cubes choose differently from both sides, and four triangles
meet in an edge; so both pairs are joined always. It moves vertices by this share of a voxel."""


@attrs.frozen
class Surface(Exporter):
    """A file of triangles for each phase that the volume holds, or for the one that is named."""

    unit: str = option("um", UNIT, choices=UNITS)
    phase: int | str | None = option(
        None, "Only this phase, by name or label, in the file named; else OUT-PHASE for each."
    )
    without: tuple[int | str, ...] = option((), WITHOUT)
    smooth: float = option(
        0.0,
        "Standard deviation of a blur of the phase before its surface is computed, voxels.",
        min=0,
        max=5,
    )

    def list_outputs(self, volume: Volume, path: Path) -> tuple[Path, ...]:
        return tuple(self._assign_labels(volume, path))

    def write(self, volume: Volume, path: Path) -> None:
        edges = measure_edges(volume, self.unit)
        for file, label in self._assign_labels(volume, path).items():
            points, triangles = triangulate(volume.labels == label, edges, self.smooth)
            if not len(triangles):
                raise ReconError(
                    f"nothing of phase {volume.phases[label]} is left after smoothing by "
                    f"{self.smooth:g} voxels; lower {self.name}.smooth"
                )
            self.write_triangles(file, points, triangles)

    @abstractmethod
    def write_triangles(self, file: Path, points: Points, triangles: Triangles) -> None:
        """Write one surface: points (n, 3) x, y, z and their indices (m, 3)."""

    def _assign_labels(self, volume: Volume, path: Path) -> dict[Path, int]:
        """The label of each file."""
        if self.phase is not None:
            label = volume.find_label(self.phase)
            if not (volume.labels == label).any():
                raise ReconError(
                    f"{path}: the volume holds no voxel of phase {self.phase}; name another phase="
                )
            return {path: label}
        names = restrict_names(volume.phases, "A-Za-z0-9_.+-")
        return {
            path.with_name(f"{path.stem}-{names[label]}{path.suffix}"): label
            for label in keep_labels(self.without, volume)
        }


def triangulate(
    inside: NDArray[np.bool_], spacing: tuple[float, float, float], smooth: float = 0.0
) -> tuple[Points, Triangles]:
    """Closed surface of a set of voxels: vertices (x, y, z) and triangles, normals outwards.

    inside   (z, y, x);  spacing  edges of a voxel (x, y, z)
    smooth   standard deviation in voxels of the Gauss filter on the indicator; 0: none

    Marching cubes (Lewiner) at 1/2 of the indicator: half way between the centres of voxels on
    both sides, so on the faces between them. The box begins at 0 and the surface is closed on its
    faces. Unsmoothed, edges and corners of single voxels are cut; volumes are a little smaller.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.measure import marching_cubes

    values = inside * np.float32(1 + TIE)
    if smooth:
        values = gaussian_filter(values, smooth, mode="nearest", truncate=3)
    # What lies beyond a face mirrors the value there at the level, so that the surface closes
    # on the face itself; where the phase is not, nothing may appear.
    padded = np.pad(values, 1, mode="edge")
    border = np.ones(padded.shape, bool)
    border[1:-1, 1:-1, 1:-1] = False
    padded[border] = np.minimum(padded[border], 1 - padded[border])
    if not (padded > LEVEL).any():
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    points, triangles, _, _ = marching_cubes(padded, LEVEL)
    # Index k of the padded array is the centre of voxel k - 1, which is at (k - 1/2) edges.
    places = (points[:, ::-1].astype(float) - 0.5) * spacing
    # In z, y, x the triangles turn inwards; naming the axes x, y, z mirrors space, and them.
    return places.astype(np.float32), triangles.astype(np.int32)


def compute_normals(corners: Points) -> Points:
    """Unit normals (n, 3) of triangles (n, 3, 3); zeros where one has no area."""
    sides = corners.astype(float)
    normals = np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0])
    norms = np.linalg.norm(normals, axis=1, keepdims=True)
    unit: Points = (normals / np.where(norms > 0, norms, 1)).astype(np.float32)
    return unit
