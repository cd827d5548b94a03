"""Runs of windows of one plane: parts of the material that each are worth one volume.

Serial sections repeat each other, so their windows are ordered place by place, image by image: a
run of them is what a volume at that place shows. Other images are ordered image by image.
"""

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.serial import independent_share
from recon.validation.windows import MOST, place_starts

Image = NDArray[np.uint8]
RUNS = 16
"""Runs at least, where there are windows enough; they overlap then."""
SERIAL = 0.95
"""Share of independent images below which a stack counts as serial sections."""


@attrs.frozen(eq=False)
class WindowRuns:
    """Windows of one plane in an order in which neighbours belong together.

    windows   (n, a, b)
    firsts    number of the first window of each run
    size      windows of a run;  apart  windows next to a run that are too near to compare it with
    """

    windows: Image
    firsts: tuple[int, ...]
    size: int
    apart: int

    @property
    def worth(self) -> float:
        """Independent volumes that the runs are worth."""
        return len(self.windows) / self.size

    def list_parts(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """The windows of each run, and all that are to be compared with it."""
        count = np.arange(len(self.windows))
        for first in self.firsts:
            end = first + self.size
            near = (count >= first - self.apart) & (count < end + self.apart)
            yield count[first:end], count[~near]


def arrange_windows(
    stack: Sequence[Image], sides: Sequence[int], phases: int, worth: float, step: int = 0
) -> WindowRuns:
    """Windows of the images of one plane.

    sides  of a window at most; images that are smaller than the largest window are left out
    worth  independent windows that make up one volume
    step   images in a run where the stack is a volume's; 0 where that is to be found
    """
    largest = max(stack, key=lambda i: min(i.shape[0], sides[0]) * min(i.shape[1], sides[1]))
    a, b = (min(side, want) for side, want in zip(largest.shape, sides, strict=True))
    images = [image for image in stack if image.shape[0] >= a and image.shape[1] >= b]
    found = _cut(images, a, b)
    thinned = -(-len(found) // MOST)
    if thinned > 1 and len(images) > thinned:
        images = images[::thinned]
        found = _cut(images, a, b)
    found = found[:: -(-len(found) // MOST)]
    share = 1.0 if len(images) < 2 else independent_share(images, phases)
    serial = step > 0 or share < SERIAL
    if serial:
        found.sort(key=lambda one: one[:2])
    windows = np.stack([window for _, _, window in found])
    size = round(step / thinned) if step else round(worth / share)
    size = int(np.clip(size, 1, max(1, len(windows) // 2)))
    runs = max(RUNS, len(windows) // size)
    firsts = np.unique(np.linspace(0, len(windows) - size, runs).round().astype(int))
    apart = min(int(np.ceil(1 / share)) if serial else 1, max(1, size // 2))
    return WindowRuns(windows, tuple(firsts.tolist()), size, apart)


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
