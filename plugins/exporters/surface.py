"""Surfaces of phases as triangles: STL and PLY."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.plugins.exporters.format import (
    Format,
    Progress,
    Writer,
    kept,
    label_of,
    lengths,
    plain_names,
)

Points = NDArray[np.float32]
Triangles = NDArray[np.int32]
LEVEL = 0.5
TIE = 1e-5
"""What the indicator exceeds 1 by. Where four voxels of a square are in and out crosswise, equal
distances to the level let marching cubes choose differently from both sides, and four triangles
meet in an edge; so both pairs are joined always. It moves vertices by this share of a voxel."""


@attrs.frozen
class Stl(Format):
    """OUT-PHASE.stl for each phase that the volume holds, binary; OUT.stl when a phase is named.

    Vertices are x, y, z in the unit given; STL itself has none. Normals point out of the phase.
    """

    about = "surface of each phase (OUT-PHASE.stl), triangles"
    unit: str = "um"
    phase: str | None = None
    without: tuple[str, ...] = ()
    smooth: float = 0.0

    def files(self, path: Path, volume: Volume) -> Mapping[Path, Writer]:
        about = f"recon, unit {self.unit}".encode().ljust(80)

        def write(place: Path, points: Points, triangles: Triangles) -> None:
            rows = np.zeros(
                len(triangles), [("normal", "<3f4"), ("corners", "<9f4"), ("end", "<u2")]
            )
            corners = points[triangles]
            rows["corners"] = corners.reshape(-1, 9)
            rows["normal"] = _normals(corners)
            with place.open("wb") as file:
                file.write(about + np.array(len(rows), "<u4").tobytes())
                file.write(rows.tobytes())

        return _files(self, path, volume, write)


@attrs.frozen
class Ply(Format):
    """OUT-PHASE.ply for each phase that the volume holds, binary; OUT.ply when a phase is named.

    Vertices are x, y, z in the unit given. Normals point out of the phase.
    """

    about = "surface of each phase (OUT-PHASE.ply), triangles that share vertices"
    unit: str = "um"
    phase: str | None = None
    without: tuple[str, ...] = ()
    smooth: float = 0.0

    def files(self, path: Path, volume: Volume) -> Mapping[Path, Writer]:
        def write(place: Path, points: Points, triangles: Triangles) -> None:
            header = (
                "ply\nformat binary_little_endian 1.0\n"
                f"comment recon, unit {self.unit}\n"
                f"element vertex {len(points)}\n"
                "property float x\nproperty float y\nproperty float z\n"
                f"element face {len(triangles)}\n"
                "property list uchar int vertex_indices\nend_header\n"
            )
            rows = np.zeros(len(triangles), [("count", "u1"), ("corners", "<3i4")])
            rows["count"], rows["corners"] = 3, triangles
            with place.open("wb") as file:
                file.write(header.encode())
                file.write(points.astype("<f4").tobytes())
                file.write(rows.tobytes())

        return _files(self, path, volume, write)


def _files(
    format: Stl | Ply,
    path: Path,
    volume: Volume,
    write: Callable[[Path, Points, Triangles], None],
) -> dict[Path, Writer]:
    spacing = lengths(volume, format.unit)
    if not 0 <= format.smooth <= 5:
        raise ReconError(f"smooth must be 0 to 5 voxels, got {format.smooth:g}")
    if format.phase is not None:
        chosen = {path: label_of(format.phase, volume)}
        if not (volume.labels == chosen[path]).any():
            raise ReconError(
                f"{path}: the volume holds no voxel of phase {format.phase}; name another --phase"
            )
    else:
        names = plain_names(volume.phases, "A-Za-z0-9_.+-")
        chosen = {
            path.with_name(f"{path.stem}-{names[label]}{path.suffix}"): label
            for label in kept(format.without, volume)
        }

    def surface(label: int, place: Path, progress: Progress) -> None:
        points, triangles = triangulated(volume.labels == label, spacing, format.smooth)
        if not len(triangles):
            raise ReconError(
                f"{path}: nothing of phase {volume.phases[label]} is left after smoothing by "
                f"{format.smooth:g} voxels; lower --smooth"
            )
        write(place, points, triangles)

    return {file: partial(surface, label) for file, label in chosen.items()}


def triangulated(
    inside: NDArray[np.bool_], spacing: tuple[float, float, float], smooth: float = 0.0
) -> tuple[Points, Triangles]:
    """Closed surface of a set of voxels: vertices (x, y, z) and triangles, normals outwards.

    inside   (z, y, x);  spacing  edges of a voxel (x, y, z)
    smooth   standard deviation in voxels of the Gauss filter on the indicator; 0: none

    Marching cubes (Lewiner) at 1/2 of the indicator: half way between the centres of voxels on
    both sides, so on the faces between them. The box begins at 0 and the surface is closed on its
    faces. Unsmoothed, edges and corners of single voxels are cut; volumes are a little smaller.
    """
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


def _normals(corners: Points) -> Points:
    """Unit normals (n, 3) of triangles (n, 3, 3); zeros where one has no area."""
    sides = corners.astype(float)
    normals = np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0])
    norms = np.linalg.norm(normals, axis=1, keepdims=True)
    unit: Points = (normals / np.where(norms > 0, norms, 1)).astype(np.float32)
    return unit
