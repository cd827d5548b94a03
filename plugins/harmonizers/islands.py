"""Voxels that stand alone in a finished volume, and which of them to leave."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.encoding import decode
from recon.core.isolated import alone


def joined(field: Tensor, allowed: NDArray[np.float64], periodic: Sequence[bool]) -> Tensor:
    """The field (C, Z, Y, X) with no more isolated voxels of each phase than allowed.

    Beyond that number the least certain take the mean of their six neighbours. Voxels on a face
    that is not periodic are left: they may go on outside.

    allowed   (K,) share of all voxels
    periodic  whether (z, y, x) wrap
    """
    labels = decode(field).cpu().numpy()
    certainty = _certainty(field)
    result = field.clone()
    for phase, share in enumerate(allowed):
        places = np.flatnonzero(alone(labels == phase, (0, 1, 2), periodic))
        excess = len(places) - int(share * labels.size)
        if excess <= 0:
            continue
        doubtful = places[np.argsort(certainty.reshape(-1)[places], kind="stable")[:excess]]
        index = torch.as_tensor(doubtful, device=field.device)
        result.flatten(1)[:, index] = _around(field, doubtful)
    return result


def _certainty(field: Tensor) -> NDArray[np.float32]:
    """How far a voxel's phase is ahead of the next."""
    if len(field) == 1:
        found = field[0].abs()
    else:
        first, second = field.topk(2, dim=0).values
        found = first - second
    return np.asarray(found.float().cpu().numpy())


def _around(field: Tensor, places: NDArray[np.intp]) -> Tensor:
    """Mean (C, n) of the six neighbours of voxels given by flat index; across a face they wrap."""
    shape = tuple(field.shape[1:])
    at = np.array(np.unravel_index(places, shape))
    total = torch.zeros(len(field), len(places), dtype=field.dtype, device=field.device)
    for axis in range(3):
        for shift in (1, -1):
            moved = at.copy()
            moved[axis] = (moved[axis] + shift) % shape[axis]
            index = torch.as_tensor(np.ravel_multi_index(tuple(moved), shape), device=field.device)
            total += field.flatten(1)[:, index]
    return total / 6
