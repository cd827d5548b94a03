"""Phase fractions that a volume is to have: the micrographs', or varying as subvolumes vary."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import in_plane
from recon.core.data.statistics import Statistics
from recon.core.errors import ReconError

LEAST = 0.25
"""A phase keeps this share of its fraction, whatever is drawn."""
FARTHEST = 2.0
"""Standard deviations: the network has hardly seen what lies farther out."""


def draw_fractions(
    statistics: Statistics,
    shape: Sequence[int],
    rng: np.random.Generator,
    explained: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.float64]:
    """Phase fractions (K,) of one subvolume of the material of a shape (z, y, x) in voxels.

    Normal, with the variance that subvolumes of this size have, cut at two deviations (which leaves
    92 % of the variance); the sum is 1.

    explained  share of that variance (C,) which is explained already and does not vary
    """
    fractions = statistics.fractions
    independent = rng.standard_normal(len(fractions)).clip(-FARTHEST, FARTHEST)
    deviation = estimate_deviations(statistics, shape) * np.sqrt(1 - np.asarray(explained))
    if len(fractions) == 2:
        shift = independent[1] * deviation[0] * np.array([-1.0, 1.0])
    else:
        variance = solve_independent_variances(deviation**2)
        shift = np.sqrt(variance) * independent
        shift -= variance * shift.sum() / max(variance.sum(), np.finfo(float).tiny)
    drawn = np.maximum(fractions + shift, LEAST * fractions)
    return np.asarray(drawn / drawn.sum())


def estimate_deviations(statistics: Statistics, shape: Sequence[int]) -> NDArray[np.float64]:
    """Standard deviation of the fraction of each channel's phase, of subvolumes (z, y, x).

    The variance of the mean of a window, over that of a pixel, follows from the autocovariance.
    From windows of the planes and lines of the axes to the volume it is extended as the
    correlation is:

        R(zyx) = R(yx) R(zx) R(zy) / (R(z) R(y) R(x))

    exact when separable. Lags that the micrographs do not show count as uncorrelated.
    """
    deviations = []
    for channel in range(len(statistics.mean)):
        ratio = 1.0
        lines: dict[int, list[float]] = {}
        variances = []
        for plane, covariance in statistics.covariance.items():
            field = covariance[channel]
            rows, columns = in_plane(plane)
            row, column = field.shape[0] // 2, field.shape[1] // 2
            variances.append(field[row, column])
            ratio *= _reduce_variance(field, shape[rows], shape[columns])
            lines.setdefault(rows, []).append(_reduce_variance(field[:, [column]], shape[rows], 1))
            lines.setdefault(columns, []).append(_reduce_variance(field[[row]], 1, shape[columns]))
        if len(statistics.covariance) == 3:
            for reductions in lines.values():
                ratio /= max(float(np.mean(reductions)), np.finfo(float).tiny)
        else:  # a plane that was not seen is taken for separable
            ratio = float(np.prod([np.mean(reductions) for reductions in lines.values()]))
        deviations.append(np.sqrt(ratio * np.mean(variances)) / 2)  # the encoding spans -1 .. 1
    return np.array(deviations)


def _reduce_variance(covariance: NDArray[np.float64], *sides: int) -> float:
    """Variance of the mean over a box of `sides` pixels, over that of a pixel; at most 1."""
    weights = [
        np.maximum(side - np.abs(np.arange(lags) - lags // 2), 0) / side**2
        for side, lags in zip(sides, covariance.shape, strict=True)
    ]
    middle = covariance[covariance.shape[0] // 2, covariance.shape[1] // 2]
    mean = np.einsum("ab,a,b->", covariance, *weights)
    return float(np.clip(mean / max(middle, np.finfo(float).tiny), 1e-6, 1))


def solve_independent_variances(wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variances d of independent numbers that, conditioned on the sum 0, have those wanted.

    The conditional covariance is diag(d) - d d' / sum d, so d_k (1 - d_k / sum d) is wanted.
    For three phases this reproduces their covariances too, if none are positive. A phase cannot
    vary more than all the others together; what exceeds that is cut.
    """
    d = wanted.copy()
    for _ in range(200):
        share = np.minimum(d / max(d.sum(), np.finfo(float).tiny), 0.9)
        d = 0.5 * d + 0.5 * wanted / (1 - share)
    return np.asarray(d)


def check_fractions(fraction: Sequence[float], phases: int) -> NDArray[np.float64]:
    """Fractions (K,) that were asked for; ReconError unless one a phase, in (0, 1), of sum 1."""
    given = np.array(fraction, dtype=float)
    if len(given) != phases:
        raise ReconError(
            f"harmonizer spectral: fraction must have one number for each of the {phases} phases, "
            f"got {len(given)}"
        )
    if not (np.all(given > 0) and abs(given.sum() - 1) < 1e-3):
        raise ReconError(
            "harmonizer spectral: fraction must be above 0 for every phase and sum to 1, got "
            + ", ".join(f"{f:g}" for f in given)
        )
    return np.asarray(given / given.sum())
