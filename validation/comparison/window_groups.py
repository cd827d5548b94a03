"""Windows of micrographs in groups that each are worth one volume."""

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import AXES, NORMAL, in_plane
from recon.validation.windows import (
    FEWEST,
    Slices,
    count_independent_slices,
    cut_windows,
)

GROUPS = 48  # of windows at least: with fewer, the luck of one draw shows in the sampling error


@attrs.frozen(eq=False)
class WindowGroups:
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
        """Independent subvolumes that the groups are worth: no more than there are windows."""
        return float(min(len(self.groups), len(self.windows)))


def group_windows(
    micrographs: Micrographs, plane: str, shape: tuple[int, int, int]
) -> WindowGroups:
    """Groups of windows that are worth a volume each (see sampling_error.leave_out_windows)."""
    windows = cut_windows(micrographs, plane, shape)
    if len(windows) < FEWEST:
        return WindowGroups(
            windows,
            1,
            (),
            f"{plane}: no sampling error, the micrographs hold {len(windows)} windows of the size "
            f"of the volume's slices, at least {FEWEST} are needed",
        )
    # A window smaller than the slice is worth less.
    area = np.prod([shape[axis] for axis in in_plane(plane)]) / windows[0].size
    worth = count_independent_slices(micrographs, NORMAL[plane], shape)
    wanted = max(1, round(worth * area))
    groups, drawn = draw_groups(len(windows), wanted)
    a, b = windows[0].shape
    note = (
        f"{plane}: {drawn} of {len(windows)} windows of {a} x {b} pixels; the volume is worth "
        f"{worth:.0f} slices normal to {AXES[NORMAL[plane]]}"
    )
    return WindowGroups(windows, wanted, groups, note)


def draw_groups(count: int, wanted: int) -> tuple[tuple[NDArray[np.int64], ...], str]:
    """Groups of `wanted` windows, or of half of them where there are fewer, and a note.

    The same for all metrics, so that group i is one part of the material to each of them.
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
        note += f" (drawn in {rounds} ways)"
    if size < wanted:
        note += f", scaled to {wanted},"
    return groups, note


def scale_groups(count: int, size: int, wanted: int) -> tuple[float, float]:
    """Factors of the errors and of the deviations of groups of `size` among `count` windows.

    Of independent windows: the variance of `size` of them against the others goes with
    1 / size + 1 / (count - size), about the mean of all with 1 / size - 1 / count. Wanted are
    those of a new volume: against all windows, and about the true mean.
    """
    errors = 1.0
    if size < wanted:
        errors = float(np.sqrt((1 / wanted + 1 / count) / (1 / size + 1 / (count - size))))
    return errors, float(np.sqrt(1 / wanted / (1 / size - 1 / count)))
