"""Crops of a reference volume, and the reference without one."""

import itertools
from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core.data.planes import AXES
from recon.core.data.volume import Volume
from recon.core.kinds import Metric

Shape = tuple[int, int, int]
Box = tuple[slice, slice, slice]
Counts = tuple[NDArray[np.float64], NDArray[np.float64]]  # hits (phase, lag), tries (lag,)


def crops(whole: Shape, size: Shape, least: int) -> list[Box]:
    """At least so many boxes at regular places, or all that there are.

    One more is fitted along the axis where neighbours then overlap least, until there are enough.
    """
    free = [side - crop for side, crop in zip(whole, size, strict=True)]
    count = [1, 1, 1]
    while np.prod(count) < least and any(n <= f for n, f in zip(count, free, strict=True)):
        spacing = [
            f / (n * crop) if n <= f else -1.0 for f, n, crop in zip(free, count, size, strict=True)
        ]
        count[int(np.argmax(spacing))] += 1
    starts = [np.linspace(0, f, n).round().astype(int) for f, n in zip(free, count, strict=True)]
    return [
        (slice(z, z + size[0]), slice(y, y + size[1]), slice(x, x + size[2]))
        for z, y, x in itertools.product(*(axis.tolist() for axis in starts))
    ]


class Rest:
    """Curves of a reference volume without one box.

    metric  gives, along each direction, the share of pairs or runs that lie in a phase among
            those that fit, not periodic, at lags up to half the shortest side of a box
    """

    def __init__(self, metric: Metric, reference: Volume) -> None:
        self.metric = metric
        self.reference = reference
        self.whole = measured(metric, reference)
        self.counts = [self._counts(reference.labels, axis) for axis in range(3)]

    def without(self, box: Box) -> xr.DataArray:
        """Curves (phase, direction, lag) over the pairs that do not touch the box; exact.

        Pairs along an axis that touch the box lie on the lines through it: these lines are taken
        away, and the pairs of their parts before and behind the box put back. None spans the
        box, since the lags are at most half as long.
        """
        curves = self.whole.copy()
        for axis, (hits, tries) in enumerate(self.counts):
            through, at = list(box), box[axis]
            for sign, part in (
                (-1, slice(None)),
                (1, slice(0, at.start)),
                (1, slice(at.stop, None)),
            ):
                through[axis] = part
                more_hits, more_tries = self._counts(self.reference.labels[tuple(through)], axis)
                hits, tries = hits + sign * more_hits, tries + sign * more_tries
            share = np.divide(hits, tries, out=np.full(hits.shape, np.nan), where=tries > 0)
            curves.loc[{"direction": AXES[axis]}] = share
        return curves

    def _counts(self, labels: NDArray[np.uint8], axis: int) -> Counts:
        lags = self.whole.sizes["lag"]
        side = labels.shape[axis]
        if labels.size == 0:
            return np.zeros((len(self.reference.phases), lags)), np.zeros(lags)
        tries = labels.size / side * np.maximum(side - np.arange(lags), 0)
        curves = measured(self.metric, Volume(labels, phases=self.reference.phases))
        share = curves.sel(direction=AXES[axis]).transpose("phase", "lag").to_numpy()
        return np.rint(np.nan_to_num(share) * tries), tries


def apart(whole: Sequence[int], size: Sequence[int]) -> int:
    """How many boxes of a size fit beside each other."""
    return int(np.prod([side // crop for side, crop in zip(whole, size, strict=True)]))


def overlaps(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """Share (box, box) of one box that lies in the other; boxes of one size."""
    ends = np.array([[(s.start, s.stop) for s in box] for box in boxes])
    low = np.maximum(ends[:, None, :, 0], ends[None, :, :, 0])
    high = np.minimum(ends[:, None, :, 1], ends[None, :, :, 1])
    shared = np.clip(high - low, 0, None).prod(2)
    rho: NDArray[np.float64] = shared / np.prod(ends[0, :, 1] - ends[0, :, 0])
    return rho


def worth(boxes: Sequence[Box]) -> float:
    """How many independent pieces have a mean that scatters as that of these boxes does."""
    return float(1 / overlaps(boxes).mean())


def measured(metric: Metric, volume: Volume) -> xr.DataArray:
    """The curves of a volume."""
    return xr.DataArray(metric.measure(volume))
