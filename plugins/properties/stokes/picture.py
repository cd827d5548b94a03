"""A picture of the flow: the speed on the middle slice along the direction."""

import numpy as np
from numpy.typing import NDArray

MOST = 64
"""Places along a side; larger slices are averaged in blocks."""


def speed_map(velocity: NDArray[np.float32], axis: int) -> NDArray[np.float64]:
    """Speed (along, across) over its mean in the volume, to three digits.

    velocity  (3, z, y, x);  axis  array axis of the flow, and the first of the picture
    The slice is the middle one of the axis before the last other one: z for a flow along x or y.
    """
    normal, across = (n for n in range(3) if n != axis)
    speed = np.sqrt(np.square(velocity).sum(0))
    mean = float(speed.mean(dtype=np.float64))
    middle = np.take(speed, speed.shape[normal] // 2, normal)
    middle = middle if across > axis else middle.T
    blocks = [-(-side // MOST) for side in middle.shape]
    for n, block in enumerate(blocks):
        edges = np.arange(0, middle.shape[n], block)
        counts = np.diff(edges, append=middle.shape[n])
        sums = np.add.reduceat(middle, edges, axis=n)
        middle = sums / counts.reshape((-1, 1) if n == 0 else (1, -1))
    return np.asarray(np.round(middle.astype(float) / (mean or 1.0), 3))
