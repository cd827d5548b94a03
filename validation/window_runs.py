"""Runs of windows of one plane: parts of the material that each are worth one volume.

Serial sections repeat each other, so their windows are ordered place by place, image by image: a
run of them is what a volume at that place shows. Other images are ordered image by image. So a
run differs from the material by what a volume differs by, drifts from place to place as well.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import AXES, NORMAL, in_plane
from recon.core.data.serial import estimate_independent_share
from recon.validation.windows import FEWEST, MOST, count_independent_slices, place_starts

Image = NDArray[np.uint8]
LEAST = 8
"""Independent runs at least: a scatter is not known from fewer."""
RUNS, MOST_RUNS = 24, 48
"""Runs at least, where there are windows enough (they overlap then), and at most."""
SERIAL = 0.95
"""Share of independent images below which a stack counts as serial sections."""


@attrs.frozen(eq=False)
class WindowRuns:
    """Windows of one plane in an order in which neighbours belong together.

    windows  (n, a, b)
    wanted   so many are worth one volume
    apart    windows next to a run that are too near to compare it with
    note     how they were made, a sentence; why there are no runs, where there are none
    """

    windows: Image
    wanted: int
    apart: int
    note: str

    @property
    def size(self) -> int:
        """Windows of a run: as many as are wanted, where there are enough for LEAST runs."""
        return max(1, min(self.wanted, len(self.windows) // LEAST))

    @cached_property
    def firsts(self) -> tuple[int, ...]:
        """Number of the first window of each run; none where there are too few windows."""
        return place_runs(len(self.windows), self.size) if len(self.windows) >= FEWEST else ()

    @property
    def worth(self) -> float:
        """Independent volumes that the runs are worth."""
        return min(len(self.windows) / self.size, float(max(1, len(self.firsts))))

    @property
    def insides(self) -> list[NDArray[np.int64]]:
        """Numbers of the windows of each run."""
        return [np.arange(first, first + self.size) for first in self.firsts]

    def list_parts(
        self, size: int | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """The windows of each run, or of others of so many, and all to be compared with it."""
        count = np.arange(len(self.windows))
        for first in place_runs(len(count), size or self.size):
            inside = count[first : first + (size or self.size)]
            near = (count >= inside[0] - self.apart) & (count <= inside[-1] + self.apart)
            yield inside, count[~near]


def place_runs(count: int, size: int) -> tuple[int, ...]:
    """Where runs of so many of the windows begin, evenly spread."""
    runs = min(max(RUNS, count // size), MOST_RUNS)
    return tuple(np.unique(np.linspace(0, count - size, runs).round().astype(int)).tolist())


def arrange_micrographs(
    micrographs: Micrographs, plane: str, shape: tuple[int, int, int]
) -> WindowRuns:
    """Windows of the size of the volume's slices, or as large as fit, of one plane."""
    sides = [shape[axis] for axis in in_plane(plane)]
    worth = count_independent_slices(micrographs, NORMAL[plane], shape)
    runs, share = arrange_windows(micrographs.planes[plane], sides, len(micrographs.phases))
    a, b = runs.windows.shape[1:]
    # A window smaller than the slice is worth less.
    wanted = max(1, round(worth * np.prod(sides) / (a * b) / share))
    runs = attrs.evolve(runs, wanted=wanted, note="")
    return attrs.evolve(runs, note=_describe(runs, plane, worth, share))


def _describe(runs: WindowRuns, plane: str, worth: float, share: float) -> str:
    count, (a, b) = len(runs.windows), runs.windows.shape[1:]
    if not runs.firsts:
        return (
            f"{plane}: no sampling error, the micrographs hold {count} windows of the size of the "
            f"volume's slices, at least {FEWEST} are needed"
        )
    note = f"{plane}: {len(runs.firsts)} left-out runs of {runs.size}"
    if runs.size < runs.wanted:
        note += f", scaled to {runs.wanted},"
    note += f" of {count} windows of {a} x {b} pixels; the volume is worth {worth:.0f} slices "
    note += f"normal to {AXES[NORMAL[plane]]}"
    return note + (f", an image {share:.2f} (serial sections)" if share < SERIAL else "")


def arrange_volume(labels: Image, plane: str, shape: tuple[int, int, int], step: int) -> WindowRuns:
    """Windows of every so many slices of a volume; a run is a subvolume of the shape."""
    normal = NORMAL[plane]
    stack = list(np.ascontiguousarray(np.moveaxis(labels, normal, 0)[::step]))
    phases = int(labels.max()) + 1
    runs, _ = arrange_windows(stack, [shape[a] for a in in_plane(plane)], phases, serial=True)
    thinned = len(runs.windows) / max(1, len(stack) * _count_places(stack[0], runs.windows[0]))
    return attrs.evolve(runs, wanted=max(1, round(len(range(0, shape[normal], step)) * thinned)))


def _count_places(image: Image, window: Image) -> int:
    return int(np.prod([a // b for a, b in zip(image.shape, window.shape, strict=True)]))


def arrange_windows(
    stack: Sequence[Image], sides: Sequence[int], phases: int, serial: bool = False
) -> tuple[WindowRuns, float]:
    """Windows of the images of one plane in order, and the share of these that are independent.

    sides   of a window at most; images that are smaller than the largest window are left out
    serial  whether the images are known to be serial sections
    """
    largest = max(stack, key=lambda i: min(i.shape[0], sides[0]) * min(i.shape[1], sides[1]))
    a, b = (min(side, want) for side, want in zip(largest.shape, sides, strict=True))
    images = [image for image in stack if image.shape[0] >= a and image.shape[1] >= b]
    cut = _cut(images, a, b)
    thinned = -(-len(cut) // MOST)
    if thinned > 1 and len(images) > thinned:
        images = images[::thinned]
        cut = _cut(images, a, b)
    cut = cut[:: -(-len(cut) // MOST)]
    share = 1.0 if len(images) < 2 else estimate_independent_share(images, phases)
    if serial or share < SERIAL:
        cut.sort(key=lambda one: one[:2])
    apart = int(np.ceil(1 / share)) if serial or share < SERIAL else 1
    windows = np.stack([window for _, _, window in cut])
    return WindowRuns(windows, 1, apart, ""), share


def _cut(images: Sequence[Image], a: int, b: int) -> list[tuple[int, int, Image]]:
    """Place, number of the image and window, image by image."""
    return [
        (place, number, image[top : top + a, left : left + b])
        for number, image in enumerate(images)
        for place, (top, left) in enumerate(
            (top, left)
            for top in place_starts(image.shape[0], a)
            for left in place_starts(image.shape[1], b)
        )
    ]
