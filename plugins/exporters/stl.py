"""STL, binary: triangles that repeat their corners, each with its normal."""

from pathlib import Path

import attrs
import numpy as np

from recon.plugins.exporters.surface import Points, Surface, Triangles, compute_normals


@attrs.frozen
class Stl(Surface):
    """Surface of each phase (OUT-PHASE.stl), triangles.

    With the option `phase`, the file is OUT.stl. Vertices are x, y, z in the unit given. STL does
    not define a unit, so the header of the file states it. Normals point out of the phase.
    """

    name = "stl"
    suffixes = (".stl",)

    def write_triangles(self, file: Path, points: Points, triangles: Triangles) -> None:
        rows = np.zeros(len(triangles), [("normal", "<3f4"), ("corners", "<9f4"), ("end", "<u2")])
        corners = points[triangles]
        rows["corners"] = corners.reshape(-1, 9)
        rows["normal"] = compute_normals(corners)
        with file.open("wb") as out:
            out.write(f"recon, unit {self.unit}".encode().ljust(80))
            out.write(np.array(len(rows), "<u4").tobytes())
            out.write(rows.tobytes())
