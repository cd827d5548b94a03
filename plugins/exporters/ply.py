"""PLY, binary: triangles that share their vertices."""

from pathlib import Path

import attrs
import numpy as np

from recon.plugins.exporters.surface import Points, Surface, Triangles


@attrs.frozen
class Ply(Surface):
    """Surface of each phase (OUT-PHASE.ply), triangles that share vertices.

    With the option `phase`, the file is OUT.ply. Vertices are x, y, z in the unit given. Normals
    point out of the phase.
    """

    name = "ply"
    suffixes = (".ply",)

    def write_triangles(self, file: Path, points: Points, triangles: Triangles) -> None:
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
        with file.open("wb") as out:
            out.write(header.encode())
            out.write(points.astype("<f4").tobytes())
            out.write(rows.tobytes())
