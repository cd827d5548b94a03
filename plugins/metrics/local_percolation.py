"""Local percolation: the share of windows of a given size that a phase connects from end to end.

Hilfer's local percolation probability lambda(phi, L) is that share among the windows of side L in
which the phase has the fraction phi; among all of side L it is the total fraction of percolating
cells, p(L).

cost  O(voxels) for each side of window and plane, as windows lie half a side apart

Hilfer, Phys. Rev. B 44, 60 (1991); Biswal, Manwart & Hilfer, Physica A 255, 221 (1998).
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core import Compared, Metric, option
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

Counts = tuple[NDArray[np.int64], ...]


@attrs.frozen
class LocalPercolation(Metric):
    """Share of the windows in which a phase leads from one side to the opposite, by their side.

    Windows are squares on slices and cubes in a volume, half a side apart or a little less, so that
    they reach from border to border. Pixels are connected through edges, voxels through faces,
    inside the window alone. Sides are in voxels, of anisotropic ones in the shortest edge: a window
    has the nearest number of voxels along the longer edges, at least 2.

    returns  down      (phase, plane, side) along the first axis of a slice: y on xy, else z
             across    (phase, plane, side) along the second: x, on yz y
             share_3d  (phase, direction, side) of the cubes of a volume
             with `fractions` also down_by_fraction and so on (..., side, fraction): the same of
             the windows in which the phase has about that fraction, lambda(phi, L)
             A phase that does not occur has 0. NaN where no window fits, or none has the fraction.
    """

    name = "local-percolation"
    title = "Local percolation"
    compared = (
        Compared(
            "down",
            "Windows that percolate along the first axis",
            "the share of windows that percolate along the first axis",
            axis="side of the window",
            micrographs=True,
        ),
        Compared(
            "across",
            "Windows that percolate along the second axis",
            "the share of windows that percolate along the second axis",
            axis="side of the window",
            micrographs=True,
        ),
        Compared(
            "share_3d",
            "Cubes that percolate",
            "the share of cubes that percolate",
            axis="side of the cube",
        ),
    )
    sides: tuple[int, ...] = option((8, 16, 32), "Sides of the windows, voxels.", min=2)
    fractions: int = option(
        0, "Classes of the local fraction to distinguish; 0: none.", min=0, max=1000
    )

    def measure(self, sample: "Volume | Micrographs") -> "xr.Dataset":
        """Local percolation of a volume or of micrographs."""
        import xarray as xr

        from recon.core import Micrographs

        counted = over_slices(partial(self._on_slices, sample), sample)
        planes = [pool_parts(parts) for parts in counted.values()]
        counts = {
            name: [(windows, percolating[:, axis]) for windows, percolating in planes]
            for axis, name in enumerate(("down", "across"), start=1)
        }
        places: dict[str, Sequence[Any]] = {
            "phase": range(len(sample.phases)),
            "side": self.sides,
            "plane": tuple(counted),
        }
        if self.fractions:
            places["fraction"] = tuple((np.arange(self.fractions) + 0.5) / self.fractions)
        if not isinstance(sample, Micrographs):
            edges = voxel_edges(sample)
            windows, percolating = self._count(fixed(sample.labels), edges, len(sample.phases))
            counts["share_3d"] = [(windows, percolating[:, axis]) for axis in (2, 1, 0)]
            places["direction"] = "xyz"
        values: dict[str, Any] = {}
        for name, each in counts.items():
            dims = ("phase", "direction" if name == "share_3d" else "plane", "side")
            values[name] = (dims, _share([(a.sum(-1), b.sum(-1)) for a, b in each]))
            if self.fractions:
                values[f"{name}_by_fraction"] = ((*dims, "fraction"), _share(each))
        return xr.Dataset(values, coordinates((("side", "voxel"),), **places))

    def _on_slices(
        self, sample: "Volume | Micrographs", part: NDArray[np.uint8], plane: str
    ) -> Counts:
        edges = (np.inf, *pixel_edges(sample, plane))  # a window is of one slice
        return self._count(part, edges, len(sample.phases))

    def _count(
        self, stack: NDArray[np.uint8], edges: tuple[float, float, float], phases: int
    ) -> Counts:
        """Windows (phases, sides, classes), and those that percolate (phases, axes, ...)."""
        from recon.plugins.metrics.percolating_windows import count_windows

        classes = max(self.fractions, 1)
        windows = np.zeros((phases, len(self.sides), classes), np.int64)
        percolating = np.zeros((phases, 3, len(self.sides), classes), np.int64)
        for i, side in enumerate(self.sides):
            window = [1 if np.isinf(edge) else max(2, round(side / edge)) for edge in edges]
            windows[:, i], percolating[:, :, i] = count_windows(stack, window, phases, classes)
        return windows, percolating


def _share(counts: Sequence[Counts]) -> NDArray[np.float64]:
    """Shares (phases, n, ...) of n pairs of windows and of those that percolate (phases, ...)."""
    shares = [
        percolating / np.where(windows > 0, windows, np.nan) for windows, percolating in counts
    ]
    return np.stack(shares, axis=1)
