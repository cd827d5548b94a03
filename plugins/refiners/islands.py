"""Isolated voxels of the finished volume beyond the number that the slices explain."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.encoding import decode
from recon.core.data.micrographs import Micrographs
from recon.core.errors import ReconError, shown
from recon.core.kinds import Refiner
from recon.core.options import option
from recon.core.sampling.anchors import mark_anchors
from recon.core.sampling.scene import Scene
from recon.core.sampling.slabs import (
    SlabWithNeighbours,
    all_gather,
    iterate_with_neighbours,
    map_placed_slabs,
)
from recon.core.sampling.slabs.field import Field
from recon.plugins.refiners.isolated import find_isolated, measure_isolated

Mask = NDArray[np.bool_]


@attrs.frozen
class Islands(Refiner):
    """Merge excess isolated voxels into their surroundings.

    An isolated voxel differs in phase from all six neighbours. In a volume of independent planes,
    which agree only on their common lines, a certain number of them is expected; real materials
    have a third of this number or less. For each phase, the refiner keeps a share of the expected
    number. It replaces further isolated voxels, the least certain first, by the mean of their
    neighbours. It needs a denoiser that was trained on micrographs; otherwise it changes nothing.
    """

    name = "islands"
    in_slabs = True
    share: float = option(
        0.2,
        "Isolated voxels to keep, as a share of the expected number; 1: keep all.",
        min=0,
        max=1,
    )

    @classmethod
    def measure_micrographs(cls, micrographs: Micrographs) -> Mapping[str, NDArray[Any]]:
        """isolated: (K,) share of voxels that independent planes would leave alone."""
        return {"isolated": measure_isolated(micrographs)}

    def check(self, scene: Scene) -> None:
        """Refuse shares that cannot be."""
        self._expected(scene)

    def refine(self, field: Field, scene: Scene) -> Field:
        expected = self._expected(scene)
        if expected is None or self.share >= 1:
            return field
        fixed = mark_anchors(scene.anchors, scene.shape[1:])
        return merge_islands(field, self.share * expected, scene.periodic, fixed)

    def _expected(self, scene: Scene) -> NDArray[np.float64] | None:
        arrays = {} if scene.statistics is None else scene.statistics.arrays_of(self)
        if not arrays:
            return None
        phases, share = max(2, scene.shape[0]), arrays.get("isolated")
        if share is None or share.shape != (phases,) or not ((share >= 0) & (share <= 1)).all():
            raise ReconError(
                f"refiner islands: isolated in the weights must be {phases} numbers in [0, 1], got "
                f"{shown(share)}; fetch or train them again, or leave the refiner out"
            )
        return share.astype(np.float64)


@attrs.frozen(eq=False)
class IsolatedVoxels:
    """Isolated voxels of one phase.

    place  (n,) flat index into the volume;  certainty  (n,) of their phase
    around  (C, n) mean of their six neighbours
    """

    place: NDArray[np.int64]
    certainty: NDArray[np.float32]
    around: NDArray[np.float32]


def merge_islands(
    field: Field,
    allowed: NDArray[np.float64],
    periodic: Sequence[bool],
    fixed: Mask | None = None,
) -> Field:
    """The field (C, Z, Y, X) with no more isolated voxels of each phase than allowed.

    Beyond that number the least certain take the mean of their six neighbours. Voxels on a face
    that is not periodic are left: they may go on outside.

    allowed   (K,) share of all voxels
    periodic  whether (z, y, x) wrap
    fixed     (Z, Y, X) voxels that stay as they are
    """
    voxels = prod(field.shape[1:])
    here: list[list[IsolatedVoxels]] = [[] for _ in allowed]
    for part in iterate_with_neighbours(field, wrap=periodic[0]):
        labels = decode(part.planes).cpu().numpy()
        for phase, islands in enumerate(here):
            islands.append(_find(part, labels == phase, periodic))
    places, values = [], []
    for share, own in zip(allowed, here, strict=True):
        islands = [one for process in all_gather(field, own) for one in process]
        place = np.concatenate([one.place for one in islands])
        excess = len(place) - int(share * voxels)
        if excess > 0:
            certainty = np.concatenate([one.certainty for one in islands])
            doubtful = np.argsort(certainty, kind="stable")[:excess]
            if fixed is not None:
                doubtful = doubtful[~fixed.flat[place[doubtful]]]
            places.append(place[doubtful])
            values.append(np.concatenate([one.around for one in islands], 1)[:, doubtful])
    if not places:
        return field
    return _replace(field, np.concatenate(places), np.concatenate(values, 1))


def _find(part: SlabWithNeighbours, mask: Mask, periodic: Sequence[bool]) -> IsolatedVoxels:
    """The isolated voxels of a mask (n, Y, X) of the part's planes."""
    isolated = find_isolated(mask, (0, 1, 2), (False, periodic[1], periodic[2]))[part.own]
    place = np.flatnonzero(isolated)
    at = np.array(np.unravel_index(place, isolated.shape))
    at[0] += part.own.start
    index = torch.as_tensor(np.ravel_multi_index(tuple(at), mask.shape), device=part.planes.device)
    own = part.planes.flatten(1)[:, index]
    return IsolatedVoxels(
        place + part.low * prod(mask.shape[1:]),
        _measure_certainty(own).float().cpu().numpy(),
        _average_neighbours(part.planes, at).float().cpu().numpy(),
    )


def _measure_certainty(values: Tensor) -> Tensor:
    """How far the phase of voxels (C, n) is ahead of the next."""
    if len(values) == 1:
        return values[0].abs()
    first, second = values.topk(2, dim=0).values.unbind()
    return first - second


def _average_neighbours(planes: Tensor, at: NDArray[np.int64]) -> Tensor:
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


def _replace(field: Field, places: NDArray[np.int64], values: NDArray[np.float32]) -> Field:
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
