"""Isolated specks, removed."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def remove_specks(labels: NDArray[np.uint8], smallest: int) -> tuple[NDArray[np.uint8], int]:
    """Labels (z, y, x) without components of fewer than `smallest` voxels, and how many went.

    Voxels of a component touch by their faces. Each speck becomes the phase that most of the
    voxels around it have.
    """
    cleaned, gone = labels.copy(), 0
    for phase in np.unique(labels):
        components, count = ndimage.label(labels == phase)
        sizes = np.bincount(components.ravel(), minlength=count + 1)
        places = ndimage.find_objects(components)
        for number in np.flatnonzero(sizes[1:] < smallest) + 1:
            box = places[number - 1]
            around = tuple(slice(max(one.start - 1, 0), one.stop + 1) for one in box)
            speck = components[around] == number
            rim = ndimage.binary_dilation(speck) & ~speck
            if rim.any():
                cleaned[around][speck] = np.bincount(cleaned[around][rim]).argmax()
                gone += 1
    return cleaned, gone
