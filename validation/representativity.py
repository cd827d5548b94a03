"""Representativity: how much subvolumes of a size differ, and how well micrographs know a material.

Both from micrographs alone, before anything is reconstructed. Runs of windows that each are worth
one volume (see window_runs.py) scatter as subvolumes do. Of independent parts the variance goes
with one over the volume, and with one over the number of images: that gives the size at which
subvolumes are alike, and the images after which the mean is known.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np
import xarray as xr

from recon.core.data.micrographs import Micrographs
from recon.validation.comparison.agreement import Agreement, name_phase
from recon.validation.comparison.metric_spec import build_specs
from recon.validation.comparison.window_groups import measure_window_groups
from recon.validation.window_runs import arrange_micrographs

WITHIN = 0.05
"""Share of its mean within which a statistic counts as the same."""
STANDARD_ERRORS = 1.96
"""Half the width of a 95 % interval, in these."""
STATISTICS = ("volume-fraction", "surface-density.faces", "chord-length.mean")

Shape = tuple[int, int, int]


@attrs.frozen
class Scatter:
    """How much one statistic of one phase differs from place to place.

    deviation  standard deviation among subvolumes of the shape, over the mean
    known      half of the 95 % interval of the mean of all micrographs, over that mean
    larger     factor to the sides of the shape at which the deviation falls to WITHIN; below 1
               where smaller volumes are enough
    images     factor to the number of images at which `known` falls to WITHIN
    """

    statistic: str
    phase: str
    deviation: float
    known: float

    @property
    def larger(self) -> float:
        """Deviations go with the root of the volume."""
        return float((self.deviation / WITHIN) ** (2 / 3))

    @property
    def images(self) -> float:
        """Errors of a mean go with the root of the number."""
        return (self.known / WITHIN) ** 2


@attrs.frozen
class Representativity:
    """What micrographs say of volumes of a shape, and of themselves.

    scatters  statistic by statistic, phase by phase
    images    number of them; one that serves for several planes counts once
    notes     why there are none, or none of a plane
    """

    shape: Shape
    scatters: tuple[Scatter, ...]
    images: int
    notes: tuple[str, ...]

    @property
    def shape_within(self) -> Shape:
        """Shape of subvolumes of which nothing differs by more than WITHIN."""
        factor = max(one.larger for one in self.scatters)
        z, y, x = (math.ceil(factor * side) for side in self.shape)
        return z, y, x

    @property
    def images_more(self) -> int:
        """Images of the same kind that are missing until every mean is known within WITHIN."""
        factor = max(one.images for one in self.scatters)
        return max(0, math.ceil((factor - 1) * self.images))

    def to_text(self) -> str:
        """A line for a terminal."""
        if not self.scatters:
            return f"how much volumes differ is not known: {'; '.join(self.notes)}"
        differs = max(self.scatters, key=lambda one: one.deviation)
        known = max(self.scatters, key=lambda one: one.known)
        size, enough = (" x ".join(map(str, one)) for one in (self.shape, self.shape_within))
        text = f"real volumes of {size} voxels differ by {differs.deviation:.1%} at most "
        text += f"({_name(differs)}; one standard deviation), by {WITHIN:.0%} from {enough}; "
        text += f"{self.images} images give every mean within {known.known:.1%} "
        text += f"({_name(known)}; 95 % confidence)"
        if self.images_more:
            text += f", with {self.images_more} more of their kind within {WITHIN:.0%}"
        return text

    def to_table(self) -> dict[str, Any]:
        """As plain data."""
        table: dict[str, Any] = {
            "shape": list(self.shape),
            "within": WITHIN,
            "images": self.images,
            "statistics": [
                {**attrs.asdict(one), "larger": one.larger, "images": one.images * self.images}
                for one in self.scatters
            ],
            "notes": list(self.notes),
        }
        if self.scatters:
            table |= {"shape_within": list(self.shape_within), "images_more": self.images_more}
        return table


def measure_representativity(micrographs: Micrographs, shape: Shape) -> Representativity:
    """Of volumes of a shape, from at least 8 windows of the size of their slices of a plane.

    shape  voxels along (z, y, x)
    cost   1 to 3 s for three planes of 2 million pixels
    """
    specs = build_specs(STATISTICS, max(2, min(shape) // 2), tuple(micrographs.planes))
    real = measure_window_groups(specs, micrographs, shape, lambda what, done, total, state: None)
    by_statistic = {
        spec.describe(name).phrase: (sampling.curves, real.reference[name])
        for spec in specs
        for name, sampling in real.sampling_errors.items()
        if name.partition(".")[0] == spec.metric.name
    }
    return _conclude(by_statistic, micrographs, shape, real.notes)


def find_representativity(
    metrics: Mapping[str, Agreement], micrographs: Micrographs, shape: Shape
) -> Representativity:
    """The same from a comparison with the micrographs, which has measured it already."""
    by_statistic = {
        one.phrase: (one.sampling_error.curves, one.reference)
        for name, one in metrics.items()
        if name in STATISTICS and one.sampling_error is not None
    }
    notes = [note for one in metrics.values() for note in one.notes]
    return _conclude(by_statistic, micrographs, shape, tuple(dict.fromkeys(notes)))


def _conclude(
    by_statistic: Mapping[str, tuple[xr.DataArray, xr.DataArray]],
    micrographs: Micrographs,
    shape: Shape,
    notes: tuple[str, ...],
) -> Representativity:
    """From curves (subvolume, phase, plane) of subvolumes and their mean, by statistic."""
    worths = {plane: _count_volumes(micrographs, plane, shape) for plane in micrographs.planes}
    scatters = [
        scatter
        for phrase, (curves, mean) in by_statistic.items()
        for scatter in _list_scatters(phrase, curves, mean, worths, micrographs.phases)
    ]
    stacks = micrographs.planes.values()
    images = len({hash(image.tobytes()) for stack in stacks for image in stack})
    missing = tuple(note for note in notes if "no sampling error" in note)
    return Representativity(shape, tuple(scatters), images, missing)


def _count_volumes(micrographs: Micrographs, plane: str, shape: Shape) -> float:
    """Volumes of the shape that the windows of a plane are worth."""
    runs = arrange_micrographs(micrographs, plane, shape)
    return len(runs.windows) / runs.wanted


def _list_scatters(
    phrase: str,
    curves: xr.DataArray,
    mean: xr.DataArray,
    worths: Mapping[str, float],
    phases: tuple[str, ...],
) -> Iterator[Scatter]:
    """Mean variance over planes; the plane that is known least well counts for `known`."""
    relative = curves.std("subvolume", ddof=1) / abs(mean.where(mean != 0))
    worth = xr.DataArray([worths[str(p)] for p in relative["plane"].values], dims="plane")
    known = STANDARD_ERRORS * relative / np.sqrt(worth)
    for phase in relative["phase"].values:
        deviation = float(np.sqrt(np.square(relative.sel(phase=phase)).mean()))
        if np.isfinite(deviation):
            most = float(known.sel(phase=phase).max())
            yield Scatter(phrase, name_phase(int(phase), phases), deviation, most)


def _name(scatter: Scatter) -> str:
    return f"{scatter.statistic} of {scatter.phase}"
