"""Anchors as the sampler sees them."""

from collections.abc import Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core.data.anchor import Anchor
from recon.core.data.encoding import encode
from recon.core.sampling.slabs.operations import F, as_tensor


@attrs.frozen(eq=False)
class EncodedAnchor:
    """An anchor as the sampler sees it: `values` (C, a, b) at `place` along axis `normal`."""

    normal: int
    place: int
    values: Tensor


def encode_anchors(
    anchors: Sequence[Anchor], phases: int, device: str
) -> tuple[EncodedAnchor, ...]:
    """The anchors encoded for the field of a material of so many phases."""
    return tuple(
        EncodedAnchor(a.normal, a.place, encode(torch.as_tensor(a.labels, device=device), phases))
        for a in anchors
    )


def impose_anchors(field: F, anchors: Sequence[EncodedAnchor]) -> F:
    """The field (C, Z, Y, X) with the anchors in their places; changed in place.

    With anchors it must be a tensor.
    """
    for anchor in anchors:
        as_tensor(field).select(anchor.normal + 1, anchor.place).copy_(anchor.values)
    return field


def mark_anchors(
    anchors: Sequence[EncodedAnchor], shape: Sequence[int]
) -> NDArray[np.bool_] | None:
    """The voxels (Z, Y, X) of a volume that anchors hold; None without anchors."""
    if not anchors:
        return None
    mask = np.zeros(shape, np.bool_)
    for anchor in anchors:
        np.moveaxis(mask, anchor.normal, 0)[anchor.place] = True
    return mask
