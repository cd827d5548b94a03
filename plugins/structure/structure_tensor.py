"""Direction of elongated bodies at every voxel, from the structure tensor of their phase."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from recon.core.errors import ReconError

Field = NDArray[np.float32]

GRADIENT_SCALE = 1.0
WINDOW = 2.0
BORDER = 2.0
"""Gradients are ignored within so many gradient scales of a border that does not repeat."""
TRUNCATE = 4.0
SLAB = 2**22
"""Voxels worked on at a time, halo not counted; about 60 bytes each."""


def directions(
    labels: ArrayLike,
    phase: int = 1,
    voxel_size: Sequence[float] = (1.0, 1.0, 1.0),
    gradient_scale: float = GRADIENT_SCALE,
    window: float = WINDOW,
    periodic: bool = False,
) -> Field:
    """Unit vectors along the fibres of a phase, n and -n being equal.

    labels          (z, y, x), or a mask
    voxel_size      (z, y, x) edge lengths, in any unit
    gradient_scale  standard deviation of the Gaussian that the mask is derived with
    window          that of the Gaussian that the tensor is averaged with; both in lengths of the
                    shortest edge
    periodic        whether the volume repeats; else what lies outside is not known
    returns         (z, y, x, 3) float32, components x, y, z; zero outside the phase
    cost            O(voxels); memory the result and a few slabs

    The direction in which the mask changes least: the eigenvector of the smallest eigenvalue of
    the averaged outer product of the gradient (Bigun & Granlund 1987; Krause et al., Composites
    Science and Technology 70, 1 (2010)). Where nothing changes within the window it means nothing.
    """
    mask = np.asarray(labels) == phase
    edges = np.asarray(voxel_size, float) / min(voxel_size)
    if mask.ndim != 3 or edges.shape != (3,) or not gradient_scale > 0 or not window > 0:
        raise ReconError(
            "directions need a volume (z, y, x), three voxel edges, gradient_scale > 0 and window "
            f"> 0, got shape {mask.shape}, {voxel_size}, {gradient_scale} and {window}"
        )
    vectors = np.zeros((*mask.shape, 3), np.float32)
    for part, tensor in _tensors(mask, edges, gradient_scale, window, periodic):
        inside = mask[part]
        vectors[part][inside] = _smallest(tensor[:, inside])
    return vectors


def _tensors(
    mask: NDArray[np.bool_], edges: NDArray[np.float64], scale: float, window: float, periodic: bool
) -> Iterator[tuple[slice, Field]]:
    """Averaged tensor (xx, yy, zz, yz, xz, xy; z, y, x) of one slab after the other."""
    depth, plane = mask.shape[0], mask[0].size
    halo = sum(int(np.ceil(TRUNCATE * s / edges[0])) + 1 for s in (scale, window))
    step = max(1, SLAB // plane)
    seen = [
        _seen(side, 0 if periodic else BORDER * scale / e)
        for side, e in zip(mask.shape, edges, strict=True)
    ]
    mode = "wrap" if periodic else "constant"
    for first in range(0, depth, step):
        last = min(first + step, depth)
        rows = np.arange(first - halo, last + halo)
        within = periodic | ((rows >= 0) & (rows < depth))
        rows = rows % depth if periodic else rows.clip(0, depth - 1)
        block = mask[rows].astype(np.float32)
        weight = np.einsum("z,y,x->zyx", seen[0][rows] * within, *seen[1:])
        gradient = [_derivative(block, axis, edges, scale, periodic) for axis in (2, 1, 0)]
        tensor = np.empty((6, last - first, *mask.shape[1:]), np.float32)
        for k, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))):
            product = weight * gradient[i] * gradient[j]
            tensor[k] = ndimage.gaussian_filter(
                product, window / edges, mode=("constant", mode, mode), truncate=TRUNCATE
            )[halo : halo + last - first]
        yield slice(first, last), tensor


def _seen(side: int, border: float) -> Field:
    """1 where a gradient along an axis is known, 0 near the border of the volume."""
    trim = min(round(border), (side - 1) // 3)
    seen = np.ones(side, np.float32)
    seen[:trim] = seen[side - trim :] = 0
    return seen


def _derivative(
    block: Field, axis: int, edges: NDArray[np.float64], scale: float, periodic: bool
) -> Field:
    """Gaussian derivative along an axis, per length."""
    order = [int(axis == a) for a in range(3)]
    mode = "wrap" if periodic else "nearest"
    made: Field = ndimage.gaussian_filter(
        block, scale / edges, order=order, mode=("nearest", mode, mode), truncate=TRUNCATE
    )
    return made / np.float32(edges[axis])


def _smallest(tensor: Field, chunk: int = 2**18) -> Field:
    """Eigenvectors (n, 3) of the smallest eigenvalues of symmetric tensors (6, n)."""
    vectors = np.empty((tensor.shape[1], 3), np.float32)
    for first in range(0, len(vectors), chunk):
        xx, yy, zz, yz, xz, xy = tensor[:, first : first + chunk].astype(float)
        full = np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], -1).reshape(-1, 3, 3)
        vectors[first : first + chunk] = np.linalg.eigh(full)[1][..., 0]
    return vectors
