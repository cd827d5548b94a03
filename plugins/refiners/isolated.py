"""How many voxels of a volume would stand alone, as far as slices can tell.

A pixel whose four neighbours are of other phases may be the section of something that goes on
along the normal: slices show many of them where a volume has few voxels that differ from all six
neighbours. If the planes were independent given the lines that they share, the share would be

    P(zyx) = P(yx) P(zx) P(zy) P() / (P(z) P(y) P(x))

where P(yx) is the share of pixels of a phase with no like neighbour along y and x, and so on. A
composition of independent planes makes that many; real materials hold a third of it or less.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import NORMAL, PLANES, in_plane

Mask = NDArray[np.bool_]


def measure_isolated(micrographs: Micrographs) -> NDArray[np.float64]:
    """That share (K,) of each phase; a plane that was not given counts as its lines do."""
    return np.array([_measure_phase(micrographs, k) for k in range(len(micrographs.phases))])


def find_isolated(
    mask: Mask, axes: Sequence[int], wrap: Sequence[bool] = (False, False, False)
) -> Mask:
    """Which elements of a mask have both neighbours along the axes outside it.

    Next to a border that does not wrap a neighbour is unknown and the answer is no.
    """
    isolated = mask.copy()
    for axis in axes:
        for shift in (1, -1):
            isolated &= ~np.roll(mask, shift, axis)
        if not wrap[axis]:
            edge = np.moveaxis(isolated, axis, 0)
            edge[0] = edge[-1] = False
    return isolated


def _measure_phase(micrographs: Micrographs, phase: int) -> float:
    fraction = float(micrographs.fractions()[phase])
    planes: dict[str, float] = {}
    lines: dict[int, list[float]] = {}
    for plane, stack in micrographs.planes.items():
        masks = [np.asarray(image) == phase for image in stack]
        planes[plane] = _pool(masks, (0, 1))
        for row, axis in enumerate(in_plane(plane)):
            lines.setdefault(axis, []).append(_pool(masks, (row,)))
    mean = {axis: float(np.mean(values)) for axis, values in lines.items()}
    if len(mean) < len(NORMAL) or fraction == 0 or min(mean.values()) == 0:
        return 0.0
    share = fraction
    for plane in PLANES:
        a, b = in_plane(plane)
        share *= planes.get(plane, mean[a] * mean[b] / fraction)
    return float(share / np.prod(list(mean.values())))


def _pool(masks: Sequence[Mask], axes: Sequence[int]) -> float:
    """Share of the pixels away from the borders across `axes`."""
    hits = pixels = 0
    for mask in masks:
        hits += int(find_isolated(mask, axes).sum())
        pixels += int(np.prod([n - 2 if a in axes else n for a, n in enumerate(mask.shape)]))
    return hits / pixels if pixels > 0 else 0.0
