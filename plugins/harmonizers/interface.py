"""Interface area of a field, and what the micrographs say it should be."""

import math

import numpy as np
import torch
from torch import Tensor

from recon.core.data.encoding import decode
from recon.core.data.planes import in_plane
from recon.core.data.statistics import Statistics
from recon.core.sampling.slabs import SlabWithNeighbours, all_reduce_sum, iterate_with_neighbours
from recon.core.sampling.slabs.field import Field


def expect_interface(statistics: Statistics) -> float:
    """Share of neighbouring pixels that differ in phase, mean over the axes that were seen."""
    return float(np.mean(list(expect_interface_by_axis(statistics).values())))


def expect_interface_by_axis(statistics: Statistics) -> dict[int, float]:
    """Share of neighbouring pixels that differ in phase along each axis that was seen.

    From the autocovariance C of the encoded channels: a channel of -1 and 1 changes between
    neighbours with probability (C(0) - C(1)) / 2, and of more than two channels two change at once.
    """
    seen: dict[int, list[float]] = {}
    for plane, covariance in statistics.covariance.items():
        row, column = (side // 2 for side in covariance.shape[1:])
        middle = covariance[:, row, column]
        rows, columns = in_plane(plane)
        if covariance.shape[1] > 1:
            seen.setdefault(rows, []).append((middle - covariance[:, row + 1, column]).sum())
        if covariance.shape[2] > 1:
            seen.setdefault(columns, []).append((middle - covariance[:, row, column + 1]).sum())
    both = 1 if len(statistics.mean) == 1 else 2
    return {axis: float(np.mean(values)) / 2 / both for axis, values in sorted(seen.items())}


def measure_interface(field: Field) -> float:
    """The same share in a field (C, Z, Y, X), decoded; mean over the axes that have neighbours."""
    each = [_count_changes(part) for part in iterate_with_neighbours(field, wrap=False)]
    here = torch.stack(each).sum(0)
    sides = field.shape[1:]
    voxels = math.prod(sides)
    shares = [
        changes / (voxels // side * (side - 1))
        for changes, side in zip(all_reduce_sum(field, here).tolist(), sides, strict=True)
        if side > 1
    ]
    return sum(shares) / len(shares) if shares else 0.0


def _count_changes(part: SlabWithNeighbours) -> Tensor:
    """Pairs of neighbours that differ along (z, y, x), those with the plane after it included."""
    labels = decode(part.planes)
    own = labels[part.own]
    down = labels[part.own.start : part.own.stop + 1]
    pairs = ((down[1:], down[:-1]), (own[:, 1:], own[:, :-1]), (own[:, :, 1:], own[:, :, :-1]))
    return torch.stack([(a != b).count_nonzero() for a, b in pairs])
