"""Interface balance: slices beside an anchor differ from it as neighbours do."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from recon.core.sampling.anchors import EncodedAnchor
from recon.plugins.harmonizers.phase_balance import EDGE, LIMIT, sharpen

LARGEST = 4.0
"""Largest shift of a logit."""
HALVINGS = 24


def match_interface(
    clean: Tensor,
    anchors: Sequence[EncodedAnchor],
    interface: Mapping[int, float],
    periodic: Sequence[bool],
) -> Tensor:
    """Shift the logits of a clean estimate (C, Z, Y, X) in the slices next to the anchors.

    Towards the anchor's phases or away from them, the same for every voxel of a slice, so that the
    share of voxels of the sharpened slice that differ from the anchor is that of neighbours.
    Voxels that are undecided between two phases move first, which are those at the borders.

    interface  share of neighbours that differ along each axis;  periodic  axes (z, y, x)
    """
    for anchor in anchors:
        if anchor.normal not in interface:  # micrographs of one pixel along it tell nothing
            continue
        side = clean.shape[anchor.normal + 1]
        for place in (anchor.place - 1, anchor.place + 1):
            if periodic[anchor.normal] or 0 <= place < side:
                near = clean.select(anchor.normal + 1, place % side)
                near.copy_(shift_slice(near, anchor.values, interface[anchor.normal]))
    return clean


def shift_slice(near: Tensor, anchor: Tensor, share: float) -> Tensor:
    """A slice (C, a, b) of which a share differs in phase from the anchor when sharpened."""
    logits = torch.atanh(near.clamp(-EDGE * LIMIT, EDGE * LIMIT) / LIMIT)
    low, high = -LARGEST, LARGEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if measure_difference(logits - middle * anchor, anchor) < share:
            low = middle
        else:
            high = middle
    return torch.tanh(logits - (low + high) / 2 * anchor) * LIMIT


def measure_difference(logits: Tensor, anchor: Tensor) -> float:
    """Share of voxels of a sharpened slice (C, a, b) that are of another phase than the anchor."""
    shares = sharpen(logits)
    if len(anchor) == 1:
        anchor = torch.cat([-anchor, anchor])
    return 1.0 - float(shares[anchor > 0].mean())
