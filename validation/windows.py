"""Windows of micrographs, and how many of them a volume is worth."""

import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import in_plane

Slices = list[NDArray[np.uint8]]

FEWEST = 8  # windows of a plane below which there is no sampling error
MOST = 384  # windows of one plane: bounds the cost on large micrographs


def cut_windows(micrographs: Micrographs, plane: str, shape: tuple[int, int, int]) -> Slices:
    """Disjoint windows of one plane, evenly spread, of the size of a slice of the volume.

    shape  voxels of the volume along (z, y, x)

    Where no slice holds such a window, windows as large as fit the largest slice. Slices that
    are too small for the window are left out, and so are some windows beyond the first 384.
    """
    wanted = [shape[axis] for axis in in_plane(plane)]
    stack = micrographs.planes[plane]
    largest = max(
        stack, key=lambda image: min(image.shape[0], wanted[0]) * min(image.shape[1], wanted[1])
    )
    a, b = (min(side, want) for side, want in zip(largest.shape, wanted, strict=True))
    windows = [
        image[top : top + a, left : left + b]
        for image in stack
        if image.shape[0] >= a and image.shape[1] >= b
        for top in place_starts(image.shape[0], a)
        for left in place_starts(image.shape[1], b)
    ]
    return windows[:: -(-len(windows) // MOST)]


def place_starts(side: int, window: int) -> list[int]:
    """Where disjoint windows begin along a side, evenly spread."""
    count = side // window
    free = side - count * window
    return [i * window + round(free * (i + 1) / (count + 1)) for i in range(count)]


def count_independent_slices(
    micrographs: Micrographs, normal: int, shape: tuple[int, int, int]
) -> float:
    """How many independent slices normal to an axis a volume holds, at least 1.

    That is the variance of a slice's phase fractions over that of the volume's. Micrographs do
    not show either along the normal, but planes that contain it show two things of windows of
    the volume's size: the variance of single pixels over that of lines along the normal (how
    many independent points a line holds), and the variance of lines across the normal over that
    of windows (how many independent lines a window holds). From points to lines to slices the
    number changes by the same factor when the autocovariance is separable:

        slices = lines(one plane) lines(other plane) / points

    On the true volumes of the bundled examples it is within a factor of 2 of the variance ratio
    itself, where the correlation along single lines of pixels misses it by up to 5. With no
    plane that shows the normal, the material is taken for isotropic.
    """
    axes = {a for plane in micrographs.planes for a in in_plane(plane)}
    seen = (normal,) if normal in axes else tuple(axes)
    logs: list[tuple[float, float]] = []
    for plane in micrographs.planes:
        for row, axis in enumerate(in_plane(plane)):
            if axis in seen:
                logs += _count_points_and_lines(micrographs, plane, row, shape, shape[normal])
    if not logs:
        return 1.0
    points, lines = np.mean(logs, axis=0)
    return float(np.clip(np.exp(2 * lines - points), 1, shape[normal]))


def _count_points_and_lines(
    micrographs: Micrographs,
    plane: str,
    row: int,
    shape: tuple[int, int, int],
    thickness: int,
) -> list[tuple[float, float]]:
    """Logarithms of the numbers of independent points and lines along one axis of a plane."""
    stack = np.stack(cut_windows(micrographs, plane, shape))
    if len(stack) < 2:
        return []
    pixels = along = across = areas = 0.0
    for phase in range(len(micrographs.phases)):
        inside = stack == phase
        share = inside.mean()
        pixels += share * (1 - share)
        along += np.square(inside.mean(1 + row) - share).mean()
        across += np.square(inside.mean(2 - row) - share).mean()
        areas += np.square(inside.mean((1, 2)) - share).sum() / (len(stack) - 1)
    if not (along > 0 and areas > 0):
        return []
    longer = np.log(thickness / stack.shape[1 + row])  # a window may be shorter than the volume
    return [(np.log(pixels / along) + longer, np.log(across / areas) + longer)]
