"""Straight chord: the longest straight line inside a phase through a pixel, and where it points.

Along a direction a slice is cut into digital lines, such that every pixel lies on exactly one of
them (see digital_lines.py); a chord is a run of pixels of one phase on such a line.

cost  O(pixels x directions); 16 bytes for each pixel of one slice

Digital lines: Rosenfeld, IEEE Trans. Computers C-23, 1264 (1974). Chords by direction: Torquato &
Lu, Phys. Rev. E 47, 2950 (1993).
"""

from functools import partial
from typing import TYPE_CHECKING

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core import Compared, Metric, option
from recon.core.data.planes import PLANES
from recon.plugins.metrics.labels import coordinates
from recon.plugins.metrics.slices import over_slices, pixel_edges, pool_parts, shortest_side

if TYPE_CHECKING:
    import xarray as xr

    from recon.core import ChunkedVolume, Micrographs, Volume
    from recon.plugins.metrics.digital_lines import Tally

BALANCED = 1e-6
"""Alignment below which there is no mean axis."""


@attrs.frozen
class StraightChord(Metric):
    """Longest straight chord of a phase through each of its pixels, over directions in the slice.

    Directions are evenly spaced in space (not in pixels): angle 0 is that of the second axis of a
    slice (x; on yz: y), 90 that of the first (z; on xy: y). A chord of n pixels has n times the
    length of a step from pixel to pixel along its line: a single pixel has its diagonal. Chords
    that reach the border count as long as they are seen, so that only samples of one size can be
    compared. Even an isotropic texture has unequal shares by direction, since digital lines of
    different slope differ: these too are to be compared with those of another sample. Pixels are
    pooled over the slices of a plane; one of several longest chords counts in equal parts.
    Lengths are in voxels, of anisotropic voxels in the shortest edge.

    returns  mean         (phase, plane) mean over the pixels of the phase
             density      (phase, plane, length) share of the pixels whose chord rounds to length =
                          1..max_length; longer ones count in the whole and in the mean
             orientation  (phase, plane, angle) share of the pixels whose chord lies at an angle
             axis         (phase, plane) mean axis, degrees in [0, 180), by doubled angles
             alignment    (phase, plane) length of the resultant of the doubled angles: 0 where
                          directions are balanced, 1 where all are one
             NaN for a phase that does not occur.
    """

    name = "straight-chord"
    title = "Straight chords"
    compared = (
        Compared(
            "mean",
            "Mean straight chord",
            "the mean straight chord",
            micrographs=True,
        ),
        Compared(
            "density",
            "Distribution of straight chords",
            "the distribution of straight chords",
            axis="straight chord",
            micrographs=True,
        ),
        Compared(
            "orientation",
            "Directions of straight chords",
            "the directions of straight chords",
            axis="angle",
            micrographs=True,
        ),
    )
    chunked = True
    directions: int = option(12, "Directions in half a turn.", min=12, max=64)
    max_length: int | None = option(
        None, "Longest chord in the density, voxels; default the shortest side.", min=1
    )

    def measure(self, sample: "Volume | ChunkedVolume | Micrographs") -> "xr.Dataset":
        """Straight chords of a volume, on the slices of each plane, or of micrographs."""
        import xarray as xr

        longest = self.max_length or shortest_side(sample)
        edges = {plane: pixel_edges(sample, plane) for plane in PLANES}
        count = partial(_tally, len(sample.phases), self.directions, longest, edges)
        counted = over_slices(count, sample)
        planes = [_statistics(pool_parts(parts), edges[plane]) for plane, parts in counted.items()]
        dims = {"density": ("length",), "orientation": ("angle",)}
        units = {"mean": "voxel", "density": "1/voxel", "axis": "degree"}
        values = {
            name: (
                ("phase", "plane", *dims.get(name, ())),
                np.stack([one[name] for one in planes], axis=1),
                {"units": units[name]} if name in units else {},
            )
            for name in planes[0]
        }
        places = coordinates(
            (("length", "voxel"), ("angle", "degree")),
            phase=range(len(sample.phases)),
            plane=tuple(counted),
            length=range(1, longest + 1),
            angle=tuple(_angles(self.directions).tolist()),
        )
        return xr.Dataset(values, places)


def _tally(
    phases: int,
    directions: int,
    longest: int,
    edges: dict[str, tuple[float, float]],
    part: NDArray[np.uint8],
    plane: str,
) -> "Tally":
    from recon.plugins.metrics.digital_lines import digital_lines, tally_chords

    lines = digital_lines(part.shape[1:], edges[plane], directions)
    return tally_chords(part, lines, phases, longest)


def _statistics(
    tally: tuple[NDArray[np.int64], ...], edges: tuple[float, float]
) -> dict[str, NDArray[np.float64]]:
    """Results of one plane, from the counts on all of its slices."""
    from recon.plugins.metrics.digital_lines import SHARES, slopes

    pixels, histogram, runs, directions = tally
    _, _, steps = slopes(edges, runs.shape[1])
    whole = np.where(pixels > 0, pixels, np.nan)
    orientation = directions / SHARES / whole[:, None]
    resultant = orientation @ np.exp(2j * np.deg2rad(_angles(runs.shape[1])))
    alignment = np.abs(resultant)
    axis = np.round(np.rad2deg(np.angle(resultant)) / 2, 9) % 180
    return {
        "mean": runs @ steps / whole,
        "density": histogram[:, 1:] / whole[:, None],
        "orientation": orientation,
        "axis": np.where(alignment > BALANCED, axis, np.nan),
        "alignment": alignment,
    }


def _angles(directions: int) -> NDArray[np.float64]:
    return np.arange(directions) * 180 / directions
