"""Windows of micrographs dealt to groups that each are worth one volume."""

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import AXES, NORMAL, in_plane
from recon.validation.comparison.windows import Slices, independent_slices, windows

PIECES = 16  # real pieces at least, where the reference has them
GROUPS = 48  # of windows at least: with fewer, the luck of one deal shows in the floor
FEWEST = 8  # windows of a plane below which they are not dealt


@attrs.frozen(eq=False)
class Dealt:
    """The windows of one plane in groups.

    windows  disjoint, of the size of the volume's slices or as large as fit
    wanted   so many would scatter as the slices of one volume do
    groups   numbers of the windows of each; none when there are too few windows
    note     a sentence
    """

    windows: Slices
    wanted: int
    groups: tuple[NDArray[np.int64], ...]
    note: str

    @property
    def worth(self) -> float:
        """Independent pieces that the groups are worth: no more than there are windows."""
        return float(min(len(self.groups), len(self.windows)))


def deal(micrographs: Micrographs, plane: str, shape: tuple[int, int, int]) -> Dealt:
    """Groups of windows that are worth a volume each (see floor.floor_of_micrographs)."""
    pieces = windows(micrographs, plane, shape)
    if len(pieces) < FEWEST:
        return Dealt(
            pieces,
            1,
            (),
            f"{plane}: no floor, the micrographs hold {len(pieces)} windows of the size of "
            f"the volume's slices, at least {FEWEST} are needed",
        )
    # A window smaller than the slice is worth less.
    area = np.prod([shape[axis] for axis in in_plane(plane)]) / pieces[0].size
    worth = independent_slices(micrographs, NORMAL[plane], shape)
    wanted = max(1, round(worth * area))
    groups, made = dealt(len(pieces), wanted)
    a, b = pieces[0].shape
    note = (
        f"{plane}: {made} of {len(pieces)} windows of {a} x {b} pixels; the volume is worth "
        f"{worth:.0f} slices normal to {AXES[NORMAL[plane]]}"
    )
    return Dealt(pieces, wanted, groups, note)


def dealt(count: int, wanted: int) -> tuple[tuple[NDArray[np.int64], ...], str]:
    """Groups of `wanted` windows, or of half of them where there are fewer, and a note.

    The same for all metrics, so that group i is one piece of the material to each of them.
    """
    size = min(wanted, count // 2)
    rng = np.random.default_rng(0)
    rounds = -(-GROUPS // (count // size))
    groups = tuple(
        shuffled[first : first + size]
        for shuffled in (rng.permutation(count) for _ in range(rounds))
        for first in range(0, count - size + 1, size)
    )
    note = f"{len(groups)} left-out groups of {size}"
    if rounds > 1:
        note += f" ({rounds} ways to deal them)"
    if size < wanted:
        note += f", scaled to {wanted},"
    return groups, note


def scales(count: int, size: int, wanted: int) -> tuple[float, float]:
    """Factors of the errors and of the deviations of groups of `size` among `count` windows.

    Of independent windows: the variance of `size` of them against the others goes with
    1 / size + 1 / (count - size), about the mean of all with 1 / size - 1 / count. Wanted are
    those of a new volume: against all windows, and about the true mean.
    """
    errors = 1.0
    if size < wanted:
        errors = float(np.sqrt((1 / wanted + 1 / count) / (1 / size + 1 / (count - size))))
    return errors, float(np.sqrt(1 / wanted / (1 / size - 1 / count)))
