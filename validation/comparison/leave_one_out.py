"""Curves of a reference volume without one of its subvolumes."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core.data.planes import AXES
from recon.core.data.volume import Volume
from recon.validation.comparison.boxes import Box

Counts = tuple[NDArray[np.float64], NDArray[np.float64]]  # hits (phase, lag), tries (lag,)


class LeaveOneOut:
    """Curves of a reference volume without one box.

    measure  gives (phase, direction, lag): along each direction, the share of pairs or runs that
             lie in a phase among those that fit, not periodic, at lags up to half the shortest
             side of a box
    """

    def __init__(self, measure: Callable[[Volume], xr.DataArray], reference: Volume) -> None:
        self.measure = measure
        self.reference = reference
        self.whole = measure(reference)
        self.counts = [self._count(reference.labels, axis) for axis in range(3)]

    def measure_without(self, box: Box) -> xr.DataArray:
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
                more_hits, more_tries = self._count(self.reference.labels[tuple(through)], axis)
                hits, tries = hits + sign * more_hits, tries + sign * more_tries
            share = np.divide(hits, tries, out=np.full(hits.shape, np.nan), where=tries > 0)
            curves.loc[{"direction": AXES[axis]}] = share
        return curves

    def _count(self, labels: NDArray[np.uint8], axis: int) -> Counts:
        lags = self.whole.sizes["lag"]
        side = labels.shape[axis]
        if labels.size == 0:
            return np.zeros((len(self.reference.phases), lags)), np.zeros(lags)
        tries = labels.size / side * np.maximum(side - np.arange(lags), 0)
        curves = self.measure(Volume(labels, phases=self.reference.phases))
        share = curves.sel(direction=AXES[axis]).transpose("phase", "lag").to_numpy()
        return np.rint(np.nan_to_num(share) * tries), tries
