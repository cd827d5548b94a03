"""Loops over the edges of voxels at which three phases meet, for numba."""

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel, subroutine

PARALLEL = 1e-9
"""Squared sine between the normals of two interfaces below which they tell no line."""
CORNERS = np.array([(0, 0), (1, 0), (0, 1), (1, 1)])


@kernel()
def add_edges(
    labels: NDArray[np.uint8],
    slopes: NDArray[np.float32],
    spans: NDArray[np.uint8],
    axis: int,
    length: NDArray[np.float64],
    connected: NDArray[np.float64],
) -> None:
    """Add the edges along an axis, each by the cosine of its angle to the line of contact.

    slopes     (phases, 3, z, y, x) of the smoothed masks
    spans      (z, y, x) bit a: the voxel's cluster spans along array axis a
    length     (phases, phases, phases) of ordered triples i < j < k;  connected  (..., 3) of those
               whose three phases span along an axis
    """
    phases = slopes.shape[0]
    step = np.zeros((4, 3), np.int64)
    for n in range(4):
        for k in range(2):
            step[n, (axis + 1 + k) % 3] = CORNERS[n, k]
    at = np.zeros((4, 3), np.int64)
    reach, normals = np.zeros(phases, np.int64), np.zeros((phases, 3))
    nz, ny, nx = labels.shape
    for z in range(nz - step[3, 0]):
        for y in range(ny - step[3, 1]):
            for x in range(nx - step[3, 2]):
                for n in range(4):
                    at[n, 0], at[n, 1], at[n, 2] = z + step[n, 0], y + step[n, 1], x + step[n, 2]
                if _meet(labels, at):
                    _gather(labels, slopes, spans, at, reach, normals)
                    _add_triples(reach, normals, axis, length, connected)


@subroutine()
def _meet(labels: NDArray[np.uint8], at: NDArray[np.int64]) -> bool:
    """Whether more than two phases lie around an edge."""
    first = labels[at[0, 0], at[0, 1], at[0, 2]]
    second = first
    for n in range(1, 4):
        here = labels[at[n, 0], at[n, 1], at[n, 2]]
        if second == first:
            second = here
        elif here != first and here != second:
            return True
    return False


@subroutine()
def _gather(
    labels: NDArray[np.uint8],
    slopes: NDArray[np.float32],
    spans: NDArray[np.uint8],
    at: NDArray[np.int64],
    reach: NDArray[np.int64],
    normals: NDArray[np.float64],
) -> None:
    """Of each phase around an edge: the axes along which it spans (-1: not there), its slope."""
    for k in range(len(reach)):
        reach[k] = -1
        for a in range(3):
            normals[k, a] = 0
    for n in range(4):
        z, y, x = at[n, 0], at[n, 1], at[n, 2]
        here = labels[z, y, x]
        reach[here] = max(reach[here], 0) | spans[z, y, x]
        for k in range(len(reach)):
            for a in range(3):
                normals[k, a] += slopes[k, a, z, y, x]


@subroutine()
def _add_triples(
    reach: NDArray[np.int64],
    normals: NDArray[np.float64],
    axis: int,
    length: NDArray[np.float64],
    connected: NDArray[np.float64],
) -> None:
    for k in range(len(reach)):
        for j in range(k):
            for i in range(j):
                if min(reach[i], reach[j], reach[k]) < 0:
                    continue
                cosine = _cosine(normals[i], normals[j], normals[k], axis)
                length[i, j, k] += cosine
                for n in range(3):
                    if (reach[i] & reach[j] & reach[k]) >> n & 1:
                        connected[i, j, k, n] += cosine


@subroutine()
def _cosine(
    one: NDArray[np.float64], two: NDArray[np.float64], third: NDArray[np.float64], axis: int
) -> float:
    """Between an axis and the line in which the interfaces of phases of these normals meet."""
    a, b, c = axis, (axis + 1) % 3, (axis + 2) % 3
    ua, ub, uc = one[a] - third[a], one[b] - third[b], one[c] - third[c]
    va, vb, vc = two[a] - third[a], two[b] - third[b], two[c] - third[c]
    along = ub * vc - uc * vb
    square = along**2 + (uc * va - ua * vc) ** 2 + (ua * vb - ub * va) ** 2
    uu = vv = 0.0
    for n in range(3):
        uu += (one[n] - third[n]) ** 2
        vv += (two[n] - third[n]) ** 2
    if square <= PARALLEL * uu * vv:
        return 1.0
    return float(abs(along) / np.sqrt(square))
