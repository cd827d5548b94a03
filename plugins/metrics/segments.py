"""Arrays as lines along one axis, for kernels that go over the voxels of a line."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def along(array: NDArray[Any], axis: int) -> NDArray[Any]:
    """A read-only view (outer, length, inner) of an array, its lines along the middle axis.

    Read-only throughout, so that a kernel is compiled once for all input.
    """
    outer, length = array.shape[:axis], array.shape[axis]
    view = np.ascontiguousarray(array).reshape(int(np.prod(outer)), length, -1).view()
    view.flags.writeable = False
    return view
