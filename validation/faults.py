"""Windows with known faults: what a test finds of them is what it could find of a volume."""

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.uint8]
SMOOTH = 8.0  # pixels over which a warp changes


@attrs.frozen
class Fault:
    """A known fault of windows.

    amount   in the unit of what is done, in words
    harmful  whether the material is another one afterwards: of most it is not when mirrored
    apply    (windows (n, a, b), phases, rng) -> windows of the same shape
    """

    name: str
    amount: str
    apply: Callable[[Image, int, np.random.Generator], Image]
    harmful: bool = True


def list_faults(phases: int) -> Iterator[Fault]:
    """Those that are there for so many phases."""
    yield Fault("eroded", "0.5 pixels", erode)
    for times in (1.1, 1.3):
        yield Fault("magnified", f"{times:g} times", _fix(magnify, times))
    for pixels in (1.0, 2.0):
        yield Fault("warped", f"{pixels:g} pixel{'s' * (pixels > 1)}", _fix(warp, pixels))
    yield Fault("smoothed", "3 x 3 pixels", smooth)
    yield Fault("specks", "1 % of the pixels", _fix(sow, 0.01))
    yield Fault("mirrored", "left to right", mirror, harmful=False)
    if phases > 2:
        yield Fault("rim", "1 pixel", add_rim)


def _fix(
    apply: Callable[[Image, int, np.random.Generator, float], Image], amount: float
) -> Callable[[Image, int, np.random.Generator], Image]:
    return lambda windows, phases, rng: apply(windows, phases, rng, amount)


def erode(windows: Image, phases: int, rng: np.random.Generator) -> Image:
    """The last phase loses a pixel of its width, half of one on each side, to the first."""
    inside = windows == phases - 1
    kept = ndimage.binary_erosion(inside, np.ones((1, 2, 2), bool), border_value=1)
    return np.where(inside & ~kept, 0, windows).astype(np.uint8)


def magnify(windows: Image, phases: int, rng: np.random.Generator, times: float) -> Image:
    """The middle of each window, enlarged."""
    a, b = windows.shape[1:]
    rows, columns = ((np.arange(n) - (n - 1) / 2) / times + (n - 1) / 2 for n in (a, b))
    places = np.array(np.meshgrid(rows, columns, indexing="ij"))
    return np.stack([_resample(window, phases, places) for window in windows])


def warp(windows: Image, phases: int, rng: np.random.Generator, pixels: float) -> Image:
    """Each window moved smoothly about, by so many pixels along each axis (root mean square)."""
    warped = []
    for window in windows:
        moves = [ndimage.gaussian_filter(rng.normal(size=window.shape), SMOOTH) for _ in range(2)]
        places = np.indices(window.shape) + [pixels * move / move.std() for move in moves]
        warped.append(_resample(window, phases, places))
    return np.stack(warped)


def smooth(windows: Image, phases: int, rng: np.random.Generator) -> Image:
    """Each pixel takes the phase that most of the nine around it have."""
    shares = [
        ndimage.uniform_filter((windows == phase).astype(float), (0, 3, 3))
        for phase in range(phases)
    ]
    most: Image = np.argmax(shares, axis=0).astype(np.uint8)
    return most


def sow(windows: Image, phases: int, rng: np.random.Generator, share: float) -> Image:
    """Some pixels take another phase: salt and pepper."""
    other = (windows + rng.integers(1, phases, windows.shape)) % phases
    return np.where(rng.random(windows.shape) < share, other, windows).astype(np.uint8)


def mirror(windows: Image, phases: int, rng: np.random.Generator) -> Image:
    """Left and right exchanged."""
    return np.ascontiguousarray(windows[:, :, ::-1])


def add_rim(windows: Image, phases: int, rng: np.random.Generator) -> Image:
    """The two phases that touch most are kept apart by a third, where it lies in the second."""
    contacts = {
        (i, j): _find_contact(windows, i, j).sum()
        for i in range(phases)
        for j in range(phases)
        if i < j
    }
    first, second = max(contacts, key=lambda pair: contacts[pair])
    third = max(set(range(phases)) - {first, second}, key=lambda k: (windows == k).sum())
    return np.where(_find_contact(windows, first, second), third, windows).astype(np.uint8)


def _find_contact(windows: Image, first: int, second: int) -> NDArray[np.bool_]:
    """Pixels of the second phase beside the first."""
    cross = ndimage.generate_binary_structure(2, 1)[None]
    beside = ndimage.binary_dilation(windows == first, cross)
    contact: NDArray[np.bool_] = beside & (windows == second)
    return contact


def _resample(window: Image, phases: int, places: NDArray[Any]) -> Image:
    """The phase that has most at each place, by linear interpolation."""
    shares = [
        ndimage.map_coordinates((window == phase).astype(float), places, order=1, mode="mirror")
        for phase in range(phases)
    ]
    most: Image = np.argmax(shares, axis=0).astype(np.uint8)
    return most
