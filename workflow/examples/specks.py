"""Removal of isolated specks from a periodic mask."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MARGIN = 12  # voxels wrapped around the box, so that a speck on a face is seen whole


def remove_specks(mask: NDArray[np.bool_], smallest: int) -> NDArray[np.bool_]:
    """The periodic mask less its 6-connected components of fewer than `smallest` voxels."""
    wrapped = np.pad(mask, MARGIN, mode="wrap")
    labels, _ = ndimage.label(wrapped)
    keep = np.bincount(labels.ravel()) >= smallest
    keep[0] = False
    inner = (slice(MARGIN, -MARGIN),) * mask.ndim
    cleaned: NDArray[np.bool_] = keep[labels[inner]]
    return cleaned
