"""Chord-length distribution: lengths of the runs of a phase along lines.

A chord is a run of voxels of one phase along an axis between two voxels of others; p(z) is the
share of the chords that are z voxels long. In a periodic volume it gives the lineal path,
L(r) = phi / mean x sum over z > r of (z - r) p(z), and the mean chord is 2 phi / faces of
`surface-density`.

cost  O(voxels), one pass per axis

Torquato & Lu, Phys. Rev. E 47, 2950 (1993); Torquato, Random Heterogeneous Materials, Springer
(2002), section 2.5.
"""

from collections.abc import Callable, Iterable, Mapping

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Compared, Metric, option
from recon.plugins.compiling import kernel, subroutine
from recon.plugins.metrics.curves import (
    Curve,
    Sample,
    along_axes,
    by_direction,
    by_plane,
    number_of_lags,
    ratio,
)
from recon.plugins.metrics.labels import coordinates
from recon.plugins.metrics.segments import along


@attrs.frozen
class ChordLength(Metric):
    """Distribution and mean of the chord lengths of each phase along x, y and z, in voxels.

    A chord cut by the border is left out, since its length is unknown. That favours short chords:
    one of z voxels is seen whole at side - z - 1 of side places. `border = "weigh"` divides each
    count by that number of places (Miles & Lantuejoul; unbiased for chords that fit), and
    `border = "keep"` counts cut chords by the length that is seen. With `periodic` no chord is cut
    and `border` has no effect; a line wholly in one phase has none. Chords of micrographs are
    pooled over the slices of a plane; a direction seen on two planes is the mean of both.

    returns  density  (phase, direction, lag), or (phase, plane, lag): the mean of the two in-plane
                      axes; lag = 1..max_lag is the chord length. Longer chords count in the whole
                      of which the density is a share, and in the mean. NaN at lengths that do not
                      fit
             mean     (phase, direction) or (phase, plane) mean chord
             NaN where a phase has no chord.
    """

    name = "chord-length"
    title = "Chord lengths"
    compared = (
        Compared(
            "density",
            "Distribution of chord lengths",
            "the distribution of chord lengths",
            axis="chord length",
            micrographs=True,
        ),
        Compared("mean", "Mean chord length", "the mean chord length", micrographs=True),
    )
    unbiased = {"border": "weigh"}
    chunked = True
    max_lag: int | None = option(
        None, "Longest chord in the density, voxels; default half the shortest side.", min=1
    )
    periodic: bool = option(False, "Continue the sample periodically.")
    border: str = option(
        "exclude",
        "Chords cut by the border: left out; left out and the others weighed by the places where "
        "they fit; kept as seen.",
        choices=("exclude", "weigh", "keep"),
    )
    planes: bool = option(False, "By plane instead of by direction.")

    def measure(self, sample: Sample) -> xr.Dataset:
        """Chord lengths of a volume or of micrographs."""
        longest = max(number_of_lags(sample, self.max_lag) - 1, 1)
        over, merged = ("plane", by_plane) if self.planes else ("direction", by_direction)
        phases = len(sample.phases)

        def count(part: NDArray[np.uint8], axis: int) -> NDArray[np.int64]:
            return count_chords(along(part, axis), phases, self.periodic)

        chords = along_axes(count, self._merged, sample)
        density = merged(_each(chords, _density, longest))
        mean = np.concatenate(list(merged(_each(chords, _mean, longest)).values()), axis=1)
        places = {"phase": range(phases), over: tuple(density)}
        return xr.Dataset(
            {
                "density": (
                    (*places, "lag"),
                    np.stack(list(density.values()), axis=1)[..., 1:],
                    {"units": "1/voxel"},
                ),
                "mean": (tuple(places), mean, {"units": "voxel"}),
            },
            coordinates(**places, lag=range(1, longest + 1)),
        )

    def _merged(self, parts: Iterable[NDArray[np.int64]]) -> "Chords":
        """Chords along one axis, as they were counted in parts."""
        by_side: dict[int, NDArray[np.int64]] = {}
        for part_counts in parts:
            n = part_counts.shape[2] - 1
            by_side[n] = by_side.get(n, 0) + part_counts
        side = max(by_side)
        total = np.zeros((part_counts.shape[1], side + 1))
        for n, (whole, cut) in by_side.items():
            counts = whole.astype(float)
            if self.border == "keep":
                counts += cut
            elif self.border == "weigh" and not self.periodic:
                counts /= np.maximum(n - 1 - np.arange(n + 1), 1)
            total[:, : n + 1] += counts
        lost = 1 if self.periodic else (0 if self.border == "keep" else 2)
        return Chords(total, max(0, side - lost))


@attrs.frozen
class Chords:
    """Weights (phases, lengths) of chords of 0, 1, 2... voxels, and the longest that fits."""

    weights: NDArray[np.float64]
    fits: int


def _each(
    chords: "Mapping[str, Mapping[str, Chords]]",
    what: "Callable[[Chords, int], Curve]",
    longest: int,
) -> dict[str, dict[str, Curve]]:
    return {
        plane: {name: what(counted, longest) for name, counted in by_axis.items()}
        for plane, by_axis in chords.items()
    }


def _density(chords: Chords, longest: int) -> Curve:
    """Shares (phases, longest + 1) of all chords; NaN at lengths that do not fit."""
    shares = np.full((len(chords.weights), longest + 1), np.nan)
    last = min(longest, chords.fits)
    total = chords.weights.sum(1, keepdims=True)
    shares[:, 1 : last + 1] = ratio(chords.weights[:, 1 : last + 1], total)
    return shares


def _mean(chords: Chords, longest: int) -> Curve:
    """Mean length (phases, 1) of all chords."""
    lengths = chords.weights @ np.arange(chords.weights.shape[1])
    return ratio(lengths, chords.weights.sum(1))[:, None]


def count_chords(lines: NDArray[np.uint8], phases: int, periodic: bool) -> NDArray[np.int64]:
    """Chords (2, phases, length + 1) by length along the middle axis: whole, cut by the border.

    Periodic: the last run of a line and the first are one if they are of one phase; a line of one
    phase has no chord. Not periodic: the first and the last run of a line are cut.
    """
    _, length, inner = lines.shape
    counts = np.zeros((2, phases, length + 1), np.int64)
    _add_chords(lines, periodic, counts, *np.empty((2, inner), np.int64))
    return counts


@kernel()
def _add_chords(
    lines: NDArray[np.uint8],
    periodic: bool,
    counts: NDArray[np.int64],
    begin: NDArray[np.int64],
    first: NDArray[np.int64],
) -> None:
    """`count_chords`, given room for each line of a layer.

    begin  (inner,) of the run that goes on;  first  (inner,) length of the first run, 0 while it
           goes on
    """
    outer, length, inner = lines.shape
    for i in range(outer):
        for j in range(inner):
            begin[j] = first[j] = 0
        for k in range(1, length):
            here, before = lines[i, k], lines[i, k - 1]
            for j in range(inner):
                if here[j] != before[j]:
                    if begin[j] > 0:
                        counts[0, before[j], k - begin[j]] += 1
                    else:
                        first[j] = k
                    begin[j] = k
        start, end = lines[i, 0], lines[i, length - 1]
        for j in range(inner):
            _close(counts, start[j], end[j], first[j], length - begin[j], periodic)


@subroutine()
def _close(
    counts: NDArray[np.int64], start: int, end: int, first: int, last: int, periodic: bool
) -> None:
    """Count the first run of a line (0 when there is no other) and the last."""
    if not periodic:
        counts[1, end, last] += 1
        if first > 0:
            counts[1, start, first] += 1
    elif first > 0 and start == end:
        counts[0, start, first + last] += 1
    elif first > 0:
        counts[0, start, first] += 1
        counts[0, end, last] += 1
