"""Random crops of micrographs for training, and windows kept back to judge it.

Crops are square, of one side for all planes: the asked one, or less when some slice is shorter.
A plane is drawn first (each as often), then a position among all those of its slices (a slice
counts by its area), then whether to mirror each axis. Crops are never rotated.
"""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.core.data.planes import PLANES

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Slices = Sequence[Image]
FEW = 8
"""Planes with fewer slices than this give a strip of each slice to the held-out set."""


@attrs.frozen(eq=False)
class Batch:
    """Crops of several planes.

    labels  (n, side, side) uint8
    plane   (n,) index into core.data.planes.PLANES
    scored  (n, side, side) bool: pixels that the held-out loss counts
    """

    labels: Image
    plane: NDArray[np.int64]
    scored: Mask


@attrs.frozen(eq=False)
class Crops:
    """Slices to draw crops from.

    slices   plane -> slices; flipped  planes whose crops may be mirrored;  side  of a crop
    """

    slices: Mapping[str, Slices]
    flipped: frozenset[str]
    side: int

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """Independent random crops."""
        planes = rng.integers(len(self.slices), size=count)
        names = list(self.slices)
        labels = np.stack([self._crop(names[plane], rng) for plane in planes])
        number = np.array([PLANES.index(names[plane]) for plane in planes])
        return Batch(labels, number, np.ones(labels.shape, bool))

    def draw_of_plane(self, plane: str, count: int, rng: np.random.Generator) -> Image:
        """Independent random crops (count, side, side) of one plane."""
        return np.stack([self._crop(plane, rng) for _ in range(count)])

    def _crop(self, plane: str, rng: np.random.Generator) -> Image:
        slices, side = self.slices[plane], self.side
        places = np.cumsum([(a - side + 1) * (b - side + 1) for a, b in _shapes(slices)])
        place = rng.integers(places[-1])
        index = int(np.searchsorted(places, place, side="right"))
        before = 0 if index == 0 else int(places[index - 1])
        row, column = divmod(int(place) - before, slices[index].shape[1] - side + 1)
        crop = slices[index][row : row + side, column : column + side]
        turn_rows, turn_columns = rng.integers(2, size=2)
        if plane in self.flipped:
            crop = crop[:: -1 if turn_rows else 1, :: -1 if turn_columns else 1]
        return crop


def crop_side(slices: Mapping[str, Slices], asked: int, stride: int) -> int:
    """Side of a crop that fits into every slice, a multiple of the network's stride if it can.

    A slice shorter than the stride is mirrored to it by the network itself.
    """
    side = min(asked, min(min(shape) for stack in slices.values() for shape in _shapes(stack)))
    return side // stride * stride or side


def hold_out(
    slices: Mapping[str, Slices], side: int, count: int, rng: np.random.Generator
) -> tuple[Mapping[str, Slices], Batch | None]:
    """Slices to train on, and `count` windows of what is kept back (None: too little to).

    Of a plane with many slices the last tenth is kept back: neighbours of a stack look alike, so
    a random tenth would have been seen in training. With few slices it is a strip at the end of
    the longer side of each slice; windows reach out of it for context, but only its pixels count.
    """
    parts = {plane: _parts(stack, side) for plane, stack in slices.items()}
    if not all(held for _, held in parts.values()):
        return slices, None
    windows = []
    for k in range(count):
        plane = list(slices)[k % len(slices)]
        held = parts[plane][1]
        windows.append((PLANES.index(plane), *_window(*held[rng.integers(len(held))], side, rng)))
    planes, labels, scored = zip(*windows, strict=True)
    batch = Batch(np.stack(labels), np.array(planes), np.stack(scored))
    return {plane: training for plane, (training, _) in parts.items()}, batch


def _parts(stack: Slices, side: int) -> tuple[Slices, list[tuple[Image, Mask]]]:
    """Slices to train on; slices to judge by and which of their pixels are not trained on."""
    if len(stack) >= FEW:
        last = len(stack) - max(1, len(stack) // 10)
        return stack[:last], [(image, np.ones(image.shape, bool)) for image in stack[last:]]
    training, held = [], []
    for image in stack:
        axis = int(np.argmax(image.shape))
        start = image.shape[axis] - max(1, image.shape[axis] // 10)
        if start < side:
            return stack, []
        unseen = np.zeros(image.shape, bool)
        unseen.swapaxes(0, axis)[start:] = True
        training.append(image.swapaxes(0, axis)[:start].swapaxes(0, axis))
        held.append((image, unseen))
    return training, held


def _window(image: Image, unseen: Mask, side: int, rng: np.random.Generator) -> tuple[Image, Mask]:
    """A random window; one that reaches the end of the longer side where that is a strip."""
    free = np.array(image.shape) - side
    corner = rng.integers(free + 1)
    if not unseen.all():
        axis = int(np.argmax(image.shape))
        corner[axis] = free[axis]
    here = tuple(slice(start, start + side) for start in corner)
    return image[here], unseen[here]


def _shapes(stack: Slices) -> list[tuple[int, ...]]:
    return [image.shape for image in stack]
