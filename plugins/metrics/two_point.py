"""Two-point correlation function.

S2(r): the probability that two voxels at distance r both lie in a phase.

cost  directions: O(voxels x lags / 64) per phase; planes: a padded 2D FFT per slice and phase

Torquato, Random Heterogeneous Materials, Springer (2002), section 2.2.
"""

from collections.abc import Iterable, Iterator
from functools import partial

import attrs
import numpy as np
import scipy.fft
import xarray as xr
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from recon.core import Compared, Metric, Micrographs, option
from recon.core.data.planes import NORMAL, PLANES, in_plane
from recon.plugins.compiling import count_threads, kernel, subroutine
from recon.plugins.metrics.curves import (
    Sample,
    as_array,
    by_direction,
    line_curves,
    number_of_lags,
    ratio,
    windows,
)
from recon.plugins.metrics.lines import popcount
from recon.plugins.metrics.slices import stacks

BATCH = 1 << 20  # padded pixels transformed at once: stays in the cache

OF_BATCH = 64  # bytes a padded pixel of spectra and what is made of them

Pairs = tuple[NDArray[np.float64], NDArray[np.int64]]  # hits (phases, *lag vectors), tries


@attrs.frozen
class TwoPoint(Metric):
    """Share of voxel pairs (p, p + r) with both in a phase, along x, y and z.

    Pairs are counted where they fit; with `periodic`, from every voxel. Counts are exact. Pairs on
    micrographs are pooled over the slices of a plane; a direction seen on two planes is the mean
    of both. By plane, it is the mean over all in-plane lag vectors whose length rounds to the lag,
    each with the pairs that fit it.

    returns  (phase, direction, lag), or (phase, plane, lag). NaN at lags that do not fit; a plane
             or direction that was not seen is absent
    """

    name = "two-point"
    title = "Two-point correlation"
    compared = (
        Compared(
            phrase="the two-point correlation",
            symbol="S2",
            micrographs=True,
            sampling_error="remainder",
        ),
    )
    chunked = True
    max_lag: int | None = option(
        None, "Largest lag in voxels; default half the shortest side.", min=1
    )
    periodic: bool = option(False, "Continue the sample periodically.")
    planes: bool = option(False, "By plane, over all in-plane lag vectors.")

    def measure(self, sample: Sample) -> xr.DataArray:
        """Two-point curves of a volume or of micrographs."""
        lags = number_of_lags(sample, self.max_lag)
        if not self.planes:
            curves = by_direction(line_curves(count_pairs, sample, lags, self.periodic))
            return as_array(self.name, "direction", curves)
        curves = {plane: radial_curve(pairs, lags) for plane, pairs in self._by_plane(sample, lags)}
        return as_array(self.name, "plane", curves)

    def _by_plane(self, sample: Sample, lags: int) -> Iterator[tuple[str, Iterator[Pairs]]]:
        phases = len(sample.phases)

        def count(part: NDArray[np.uint8], normal: int = 0) -> Pairs:
            return count_by_vector(np.moveaxis(part, normal, 0), phases, lags, self.periodic)

        if isinstance(sample, Micrographs):
            for plane, images in sample.planes.items():
                yield plane, map(count, stacks(images))
            return
        for plane in PLANES:
            a, b = (sample.shape[axis] for axis in in_plane(plane))
            padded = (a + min(a, lags)) * (b + min(b, lags))
            parts = sample.by_parts(
                partial(count, normal=NORMAL[plane]),
                whole=in_plane(plane),
                overhead=OF_BATCH * max(BATCH, padded) + 4 * phases * padded,
            )
            yield plane, (counted for _, counted in parts)


def count_pairs(
    words: NDArray[np.uint64], length: int, step: int, periodic: bool, lags: int
) -> NDArray[np.int64]:
    """Pairs of voxels at lag r for r < lags (see lines.count_along)."""
    counts = np.zeros(lags, np.int64)
    _add_pairs(words, length, step, periodic, counts)
    return counts


@kernel()
def _add_pairs(
    words: NDArray[np.uint64], length: int, step: int, periodic: bool, counts: NDArray[np.int64]
) -> None:
    lags = counts.size
    for first in range(0, words.size, length * step):
        block = words[first : first + length * step]
        for r in range(lags if periodic else min(lags, length)):
            split = (length - r % length) * step
            counts[r] += _common(block[:split], block[block.size - split :])
            if periodic:
                counts[r] += _common(block[split:], block[: block.size - split])


@subroutine()
def _common(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> np.int64:
    common = np.uint64(0)
    for i in range(one.size):
        common += popcount(one[i] & other[i])
    return np.int64(common)


def radial_curve(parts: Iterable[Pairs], lags: int) -> NDArray[np.float64]:
    """Two-point curves (phases, lags) of one plane over all lag vectors by rounded length."""
    down, right = lag_vectors(lags)
    hits, pairs = (sum(counts) for counts in zip(*parts, strict=True))
    length = np.rint(np.hypot(down, right)).astype(int)
    # S2(-r) = S2(r): half of the vectors stand for all of them
    used = (pairs > 0) & (length < lags) & ((down > 0) | (right >= 0))
    shares = hits[:, used] / pairs[used]
    sums = np.array([np.bincount(length[used], share, minlength=lags) for share in shares])
    return ratio(sums, np.bincount(length[used], minlength=lags))


def lag_vectors(lags: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lags down (lags, 1), 0.., and to the right (2 lags - 1,), -(lags - 1)..lags - 1."""
    return np.arange(lags)[:, None], np.arange(1 - lags, lags)


def count_by_vector(stack: NDArray[np.uint8], phases: int, lags: int, periodic: bool) -> Pairs:
    """Pairs with both pixels in the phase (phases, *lag vectors), and all pairs that fit."""
    n, a, b = stack.shape
    down, right = lag_vectors(lags)
    fit = windows(a, lags, periodic)[down] * windows(b, lags, periodic)[np.abs(right)]
    return pairs_by_vector(stack, phases, lags, periodic) * (fit > 0), n * fit


def pairs_by_vector(
    stack: NDArray[np.uint8], phases: int, lags: int, periodic: bool
) -> NDArray[np.float64]:
    """Pairs with both pixels in the phase, summed over slices: exact integers by FFT.

    stack    (n, a, b) labels
    returns  (phases, lags, 2 lags - 1): lags 0.. down, -(lags - 1)..lags - 1 to the right;
             meaningless where a lag does not fit
    """
    n, a, b = stack.shape
    sides = (a, b) if periodic else tuple(next_fast_len(s + min(s, lags) - 1) for s in (a, b))
    whole = _spectra(np.ones((1, a, b)), sides)
    power = np.zeros((phases, *whole.shape[1:]))
    batch = max(1, BATCH // (sides[0] * sides[1]))
    for first in range(0, n, batch):
        labels = np.ascontiguousarray(stack[first : first + batch])
        # the last phase is what the others leave: one transform less
        rest = np.broadcast_to(whole, (len(labels), *whole.shape[1:]))
        for phase in range(phases - 1):
            spectra = _spectra(labels == phase, sides)
            power[phase] += _energy(spectra)
            rest = rest - spectra
        power[-1] += _energy(rest)
    counts = np.rint(scipy.fft.irfft2(power, sides, axes=(1, 2)))
    down, right = lag_vectors(lags)
    by_vector: NDArray[np.float64] = counts[:, down % sides[0], right % sides[1]]
    return by_vector


def _spectra(slices: NDArray[np.generic], sides: tuple[int, ...]) -> NDArray[np.complex128]:
    workers = count_threads()
    rows = scipy.fft.rfft(slices, sides[1], axis=2, workers=workers)  # padding rows stay zero
    spectra: NDArray[np.complex128] = scipy.fft.fft(rows, sides[0], axis=1, workers=workers)
    return spectra


def _energy(spectra: NDArray[np.complex128]) -> NDArray[np.float64]:
    energy = np.zeros(spectra.shape[1:])
    for part in (spectra.real, spectra.imag):
        energy += np.einsum("nij,nij->ij", part, part)
    return energy
