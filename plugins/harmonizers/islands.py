"""Voxels that stand alone in a finished volume, and which of them to leave."""

from collections.abc import Sequence
from math import prod

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.encoding import decode
from recon.core.data.isolated import alone
from recon.core.sampling.slabs import (
    SlabWithNeighbours,
    all_gather,
    iterate_with_neighbours,
    map_placed_slabs,
)
from recon.core.sampling.slabs.field import Field


@attrs.frozen(eq=False)
class Lonely:
    """Isolated voxels of one phase.

    place  (n,) flat index into the volume;  certainty  (n,) of their phase
    around  (C, n) mean of their six neighbours
    """

    place: NDArray[np.int64]
    certainty: NDArray[np.float32]
    around: NDArray[np.float32]


def joined(field: Field, allowed: NDArray[np.float64], periodic: Sequence[bool]) -> Field:
    """The field (C, Z, Y, X) with no more isolated voxels of each phase than allowed.

    Beyond that number the least certain take the mean of their six neighbours. Voxels on a face
    that is not periodic are left: they may go on outside.

    allowed   (K,) share of all voxels
    periodic  whether (z, y, x) wrap
    """
    voxels = prod(field.shape[1:])
    here: list[list[Lonely]] = [[] for _ in allowed]
    for part in iterate_with_neighbours(field, wrap=periodic[0]):
        labels = decode(part.planes).cpu().numpy()
        for phase, found in enumerate(here):
            found.append(_lonely(part, labels == phase, periodic))
    places, values = [], []
    for share, own in zip(allowed, here, strict=True):
        found = [one for process in all_gather(field, own) for one in process]
        place = np.concatenate([one.place for one in found])
        excess = len(place) - int(share * voxels)
        if excess > 0:
            certainty = np.concatenate([one.certainty for one in found])
            doubtful = np.argsort(certainty, kind="stable")[:excess]
            places.append(place[doubtful])
            values.append(np.concatenate([one.around for one in found], 1)[:, doubtful])
    if not places:
        return field
    return _replaced(field, np.concatenate(places), np.concatenate(values, 1))


def _lonely(part: SlabWithNeighbours, mask: NDArray[np.bool_], periodic: Sequence[bool]) -> Lonely:
    """The isolated voxels of a mask (n, Y, X) of the part's planes."""
    found = alone(mask, (0, 1, 2), (False, periodic[1], periodic[2]))[part.own]
    place = np.flatnonzero(found)
    at = np.array(np.unravel_index(place, found.shape))
    at[0] += part.own.start
    index = torch.as_tensor(np.ravel_multi_index(tuple(at), mask.shape), device=part.planes.device)
    own = part.planes.flatten(1)[:, index]
    return Lonely(
        place + part.low * prod(mask.shape[1:]),
        _certainty(own).float().cpu().numpy(),
        _around(part.planes, at).float().cpu().numpy(),
    )


def _certainty(values: Tensor) -> Tensor:
    """How far the phase of voxels (C, n) is ahead of the next."""
    if len(values) == 1:
        return values[0].abs()
    first, second = values.topk(2, dim=0).values.unbind()
    return first - second


def _around(planes: Tensor, at: NDArray[np.int64]) -> Tensor:
    """Mean (C, n) of the six neighbours of voxels (3, n); across a face they wrap."""
    shape = tuple(planes.shape[1:])
    total = torch.zeros(len(planes), at.shape[1], dtype=planes.dtype, device=planes.device)
    for axis in range(3):
        for shift in (1, -1):
            moved = at.copy()
            moved[axis] = (moved[axis] + shift) % shape[axis]
            index = torch.as_tensor(np.ravel_multi_index(tuple(moved), shape), device=planes.device)
            total += planes.flatten(1)[:, index]
    return total / 6


def _replaced(field: Field, places: NDArray[np.int64], values: NDArray[np.float32]) -> Field:
    """The field with values (C, n) at places (n,), flat indices."""
    order = np.argsort(places)
    places, values = places[order], values[:, order]
    plane = prod(field.shape[2:])

    def put(slab: Tensor, low: int) -> Tensor:
        first, last = np.searchsorted(places, [low * plane, (low + slab.shape[1]) * plane])
        result = slab.clone(memory_format=torch.contiguous_format)
        index = torch.as_tensor(places[first:last] - low * plane, device=slab.device)
        new = torch.as_tensor(values[:, first:last], device=slab.device)
        result.flatten(1)[:, index] = new.to(slab.dtype)
        return result

    return map_placed_slabs(put, field)
