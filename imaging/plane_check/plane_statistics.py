"""Phase fractions and line statistics of one plane, with honest standard errors."""

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.imaging.plane_check.line_sums import CELLS, Counts, Image, LineSums

MOST_PIXELS = 1 << 22  # of a plane: beyond it evenly spread slices stand for all
STRIPS = (CELLS, CELLS // 2)
FEWEST_STRIPS = 3


@attrs.frozen(eq=False)
class Values:
    """The statistics; leading dims are those of the counts.

    fraction  (..., K)         share of the phase
    chord     (..., 2, K)      logarithm of the mean chord in voxels, along rows and columns
    two_point (..., 2, J, K)   (S2(r) - phi^2) / (phi - phi^2) at r = 1, 2, 4, ...
    lineal    (..., 2, J, K)   share of runs of 2 r pixels in the phase, over its fraction

    The last three do not change with the fraction to first order. NaN where nothing was counted.
    """

    fraction: Counts
    chord: Counts
    two_point: Counts
    lineal: Counts

    @classmethod
    def of(cls, sums: LineSums) -> "Values":
        with np.errstate(divide="ignore", invalid="ignore"):
            fraction = sums.inside / sums.pixels[..., None]
            tries = sums.tries[..., None]
            share, pairs = sums.ends / tries, sums.hits / tries
            single, next_to = share[..., 0, :], pairs[..., 0, :]
            chord = np.log(single / (single - next_to))
            two_point = (pairs - share**2) / (share - share**2)
            runs = sums.runs / sums.starts[..., None]
            lineal = runs / fraction[..., None, None, :]
        return cls(fraction, chord, two_point, lineal)

    def flatten(self) -> Counts:
        """All of them along one last dim."""
        lead = self.fraction.shape[:-1]
        return np.concatenate([part.reshape(*lead, -1) for part in self._parts()], -1)

    def unflatten(self, flat: Counts) -> "Values":
        """Numbers in the order of `flat` as values of this shape."""
        sizes = np.cumsum([part.size for part in self._parts()])[:-1]
        parts = np.split(flat, sizes)
        return Values(
            *(part.reshape(own.shape) for part, own in zip(parts, self._parts(), strict=True))
        )

    def at(self, statistic: str, row: int, phase: int, j: int) -> float:
        """One number; of a chord j, and of a fraction row and j do not count."""
        if statistic == "fraction":
            return float(self.fraction[phase])
        if statistic == "chord":
            return float(self.chord[row, phase])
        curves = self.two_point if statistic == "two-point" else self.lineal
        return float(curves[row, j, phase])

    def transpose(self) -> "Values":
        """Of the transposed slices."""
        return attrs.evolve(
            self, chord=self.chord[::-1], two_point=self.two_point[::-1], lineal=self.lineal[::-1]
        )

    def exchange_phases(self) -> "Values":
        """Of slices whose phases are numbered the other way round."""
        return Values(*(part[..., ::-1] for part in self._parts()))

    def _parts(self) -> tuple[Counts, ...]:
        return (self.fraction, self.chord, self.two_point, self.lineal)


@attrs.frozen(eq=False)
class PlaneStatistics:
    """Values of a plane, their variances and the degrees of freedom that these are known with.

    A plane is cut into 8 and into 4 strips along its rows, along its columns and along its stack
    (groups of consecutive slices); every set of strips gives the variance by the jackknife. It is
    right where strips are independent, and too small where neighbours are correlated: slices of
    a stack that repeat each other, or a texture as long as the image. So the largest of them all
    counts, for each statistic, with the degrees of freedom of the sets of 4; and at least the
    variance of independent pixels or runs.
    """

    values: Values
    variances: Values
    freedom: int

    @classmethod
    def of(cls, stack: Sequence[Image], phases: int, lags: int) -> "PlaneStatistics":
        """Measure slices of one plane; all sides at least CELLS pixels."""
        return cls.of_sums(LineSums.of(spread_evenly(stack), phases, lags))

    @classmethod
    def of_sums(cls, sums: LineSums) -> "PlaneStatistics":
        """From counts (slices, cells, cells)."""
        estimates, freedom = [], 0
        for axis in range(3):
            sets = [sum_strips(sums, axis, most) for most in STRIPS]
            if len(sets[-1].pixels) >= FEWEST_STRIPS:
                estimates += [estimate_variances(strips) for strips in sets]
                freedom += len(sets[-1].pixels) - 1
        total = sums.map(lambda part: part.sum((0, 1, 2)))
        values = Values.of(total)
        variances = np.maximum(np.max(estimates, 0), bound_variances(values, total).flatten())
        return cls(values, values.unflatten(variances), freedom)

    def transpose(self) -> "PlaneStatistics":
        """Of the transposed slices."""
        return attrs.evolve(
            self, values=self.values.transpose(), variances=self.variances.transpose()
        )

    def exchange_phases(self) -> "PlaneStatistics":
        """Of slices whose phases are numbered the other way round."""
        return attrs.evolve(
            self, values=self.values.exchange_phases(), variances=self.variances.exchange_phases()
        )


def sum_strips(sums: LineSums, axis: int, most: int) -> LineSums:
    """At most so many strips (of consecutive slices, rows or columns of cells) side by side."""
    others = tuple(other for other in range(3) if other != axis)
    side = len(sums.pixels) if axis == 0 else CELLS
    count = min(side, most)
    starts = np.arange(count) * side // count
    return sums.map(lambda part: np.add.reduceat(part.sum(others), starts, axis=0))


def estimate_variances(strips: LineSums) -> NDArray[np.float64]:
    """Variances, in the order of Values.flat, from strips of about or quite different size.

    The delete-m jackknife of Busing, Meijer & van der Leeden, Stat. Comput. 9, 3 (1999).
    """
    total = strips.map(lambda part: part.sum(0))
    rest = Values.of(strips.map(lambda part: part.sum(0) - part)).flatten()
    whole = Values.of(total).flatten()
    h = (strips.pixels.sum() / strips.pixels)[:, None]
    with np.errstate(invalid="ignore"):  # chords are infinite where a phase spans every slice
        pseudo = h * whole - (h - 1) * rest
        centre = (pseudo / h).sum(0)
        variance: NDArray[np.float64] = ((pseudo - centre) ** 2 / (h - 1)).mean(0)
    return variance


def bound_variances(values: Values, total: LineSums) -> Values:
    """Variances if pixels, chords and runs were independent: none of a material is smaller."""

    def binomial(share: Counts, count: Counts) -> Counts:
        inside = np.clip(share, 0, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return (inside * (1 - inside) + 1 / count) / count

    with np.errstate(divide="ignore", invalid="ignore"):
        chords = total.ends[..., 0, :] - total.hits[..., 0, :]
        return Values(
            binomial(values.fraction, total.pixels[..., None]),
            1 / chords,
            binomial(np.abs(values.two_point), total.tries[..., None]),
            binomial(values.lineal, total.starts[..., None]),
        )


def spread_evenly(stack: Sequence[Image]) -> Sequence[Image]:
    """The stack, or evenly spread slices of one that is very large."""
    pixels = sum(image.size for image in stack)
    return stack[:: max(1, -(-pixels // MOST_PIXELS))]
