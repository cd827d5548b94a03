"""Two-point correlation function.

S2(r): the probability that two voxels at distance r both lie in a phase.

cost  directions: O(voxels x lags / 64) per phase; planes: a padded 2D FFT per slice and phase

Torquato, Random Heterogeneous Materials, Springer (2002), section 2.2.
"""

import attrs
import numba
import numpy as np
import scipy.fft
import xarray as xr
from numba import njit
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from recon.core import Metric, Micrographs, Volume, option
from recon.core.planes import NORMAL, PLANES
from recon.plugins.metrics.curves import (
    as_array,
    by_direction,
    line_curves,
    number_of_lags,
    ratio,
    stacks,
    windows,
)
from recon.plugins.metrics.lines import popcount

BATCH = 1 << 20  # padded pixels transformed at once: stays in the cache


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
    max_lag: int | None = option(
        None, "Largest lag in voxels; default half the shortest side.", min=1
    )
    periodic: bool = option(False, "Continue the sample periodically.")
    planes: bool = option(False, "By plane, over all in-plane lag vectors.")

    def measure(self, sample: Volume | Micrographs) -> xr.DataArray:
        """Two-point curves of a volume or of micrographs."""
        lags = number_of_lags(sample, self.max_lag)
        if not self.planes:
            curves = by_direction(line_curves(count_pairs, sample, lags, self.periodic))
            return as_array(self.name, "direction", curves)
        if isinstance(sample, Volume):
            parts = {plane: [np.moveaxis(sample.labels, NORMAL[plane], 0)] for plane in PLANES}
        else:
            parts = {plane: stacks(images) for plane, images in sample.planes.items()}
        phases = len(sample.phases)
        curves = {
            plane: radial_curve(part, phases, lags, self.periodic) for plane, part in parts.items()
        }
        return as_array(self.name, "plane", curves)


@njit(cache=True, nogil=True)
def count_pairs(
    words: NDArray[np.uint64], length: int, step: int, periodic: bool, lags: int
) -> NDArray[np.int64]:
    """Pairs of voxels at lag r for r < lags (see lines.count_along)."""
    counts = np.zeros(lags, np.int64)
    for first in range(0, words.size, length * step):
        block = words[first : first + length * step]
        for r in range(lags if periodic else min(lags, length)):
            split = (length - r % length) * step
            counts[r] += _common(block[:split], block[block.size - split :])
            if periodic:
                counts[r] += _common(block[split:], block[: block.size - split])
    return counts


@njit(cache=True, nogil=True)
def _common(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> np.int64:
    common = np.uint64(0)
    for i in range(one.size):
        common += popcount(one[i] & other[i])
    return np.int64(common)


def radial_curve(
    parts: list[NDArray[np.uint8]], phases: int, lags: int, periodic: bool
) -> NDArray[np.float64]:
    """Two-point curves (phases, lags) of one plane over all lag vectors by rounded length."""
    down, right = np.arange(lags)[:, None], np.arange(1 - lags, lags)
    hits = np.zeros((phases, lags, 2 * lags - 1))
    pairs = np.zeros((lags, 2 * lags - 1))
    for part in parts:
        n, a, b = part.shape
        fit = windows(a, lags, periodic)[down] * windows(b, lags, periodic)[np.abs(right)]
        hits += pairs_by_vector(part, phases, lags, periodic) * (fit > 0)
        pairs += n * fit
    length = np.rint(np.hypot(down, right)).astype(int)
    # S2(-r) = S2(r): half of the vectors stand for all of them
    used = (pairs > 0) & (length < lags) & ((down > 0) | (right >= 0))
    shares = hits[:, used] / pairs[used]
    sums = np.array([np.bincount(length[used], share, minlength=lags) for share in shares])
    return ratio(sums, np.bincount(length[used], minlength=lags))


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
    down, right = np.arange(lags)[:, None] % sides[0], np.arange(1 - lags, lags) % sides[1]
    by_vector: NDArray[np.float64] = counts[:, down, right]
    return by_vector


def _spectra(slices: NDArray[np.generic], sides: tuple[int, ...]) -> NDArray[np.complex128]:
    workers = numba.get_num_threads()
    rows = scipy.fft.rfft(slices, sides[1], axis=2, workers=workers)  # padding rows stay zero
    spectra: NDArray[np.complex128] = scipy.fft.fft(rows, sides[0], axis=1, workers=workers)
    return spectra


def _energy(spectra: NDArray[np.complex128]) -> NDArray[np.float64]:
    energy = np.zeros(spectra.shape[1:])
    for part in (spectra.real, spectra.imag):
        energy += np.einsum("nij,nij->ij", part, part)
    return energy
