"""Between a periodic grid and a coarser one: interpolation of nodes, averages of elements.

Both grids are uniform and cover the same box, whatever the ratio n / m of their sizes, so that
sides need not be powers of two. Node i of the fine grid lies at i m / n of the coarse one.
"""

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel
from recon.plugins.slabs import over_slabs

WIDEST = 5  # fine nodes that hang on one coarse node, at most (ratios up to 2)


@attrs.frozen
class Axis:
    """Linear interpolation along one axis: values[i] = (1 - w) coarse[left] + w coarse[right].

    fine_of, weight_of  (m, WIDEST): the fine nodes that a coarse one is seen by (its transpose)
    share               (m, n): part of coarse element j that fine element i fills
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    weight: NDArray[np.float64]
    fine_of: NDArray[np.int64]
    weight_of: NDArray[np.float64]
    share: NDArray[np.float64]

    @classmethod
    def between(cls, n: int, m: int) -> "Axis":
        """From m coarse to n fine, n / 2 <= m <= n."""
        position = np.arange(n) * (m / n)
        left = np.floor(position + 1e-9).astype(np.int64)
        weight = np.where(position - left < 1e-9, 0.0, position - left)
        right = (left + 1) % m
        dense = np.zeros((m, n))
        np.add.at(dense, (left, np.arange(n)), 1 - weight)
        np.add.at(dense, (right, np.arange(n)), weight)
        fine_of = np.zeros((m, WIDEST), np.int64)
        weight_of = np.zeros((m, WIDEST))
        for j in range(m):
            seen = np.flatnonzero(dense[j])
            fine_of[j, : len(seen)] = seen
            fine_of[j, len(seen) :] = seen[0]
            weight_of[j, : len(seen)] = dense[j, seen]
        ratio = n / m
        lower, upper = np.arange(m)[:, None] * ratio, np.arange(1, m + 1)[:, None] * ratio
        start, end = np.arange(n)[None, :], np.arange(1, n + 1)[None, :]
        overlap = np.minimum(upper, end) - np.maximum(lower, start)
        share = np.where(overlap > 1e-9, overlap, 0.0) / ratio
        return cls(left, right, weight, fine_of, weight_of, share)


def averaged(field: NDArray[Any], axes: tuple[Axis, Axis, Axis]) -> NDArray[Any]:
    """Means over coarse elements of a field (Z, Y, X, ...) of fine elements."""
    for number, axis in enumerate(axes):
        share = axis.share.astype(field.dtype)
        field = np.moveaxis(np.tensordot(share, field, (1, number)), 0, number)
    return np.ascontiguousarray(field)


def interpolate_add(
    coarse: NDArray[Any], axes: tuple[Axis, Axis, Axis], scale: NDArray[Any], out: NDArray[Any]
) -> None:
    """out += the coarse field at the fine nodes, component i times scale[i]."""
    z, y, x = axes
    Z, Y, cases, _, X = out.shape
    weights = [axis.weight.astype(out.dtype) for axis in axes]
    over_slabs(
        Z,
        out.size // (3 * cases),
        _interpolate,
        coarse.reshape(*coarse.shape[:2], -1, coarse.shape[-1]),
        (z.left, z.right, y.left, y.right, x.left, x.right),
        (weights[0], weights[1], weights[2]),
        scale.astype(out.dtype),
        out.reshape(Z, Y, cases * 3, X),
    )


def restrict(
    fine: NDArray[Any], axes: tuple[Axis, Axis, Axis], scale: NDArray[Any], out: NDArray[Any]
) -> None:
    """out = the transpose of the interpolation applied to a fine field."""
    z, y, x = axes
    weights = [axis.weight_of.astype(out.dtype) for axis in axes]
    over_slabs(
        out.shape[0],
        fine.size // (3 * fine.shape[2]),
        _restrict,
        fine.reshape(*fine.shape[:2], -1, fine.shape[-1]),
        (z.fine_of, y.fine_of, x.fine_of),
        (weights[0], weights[1], weights[2]),
        scale.astype(out.dtype),
        out.reshape(*out.shape[:2], -1, out.shape[-1]),
    )


node_loop = kernel(fastmath={"contract", "nsz"}, error_model="numpy")


@node_loop
def _interpolate(
    first: int, last: int, coarse: Any, sides: Any, weights: Any, scale: Any, out: Any
) -> None:
    z0, z1, y0, y1, x0, x1 = sides
    wz, wy, wx = weights
    m = coarse.shape[3]
    for z in range(first, last):
        line = np.empty(m, out.dtype)
        for y in range(out.shape[1]):
            for f in range(out.shape[2]):
                s = scale[f % 3]
                a, b = (1 - wz[z]) * (1 - wy[y]) * s, (1 - wz[z]) * wy[y] * s
                c, d = wz[z] * (1 - wy[y]) * s, wz[z] * wy[y] * s
                near, far, south, north = z0[z], z1[z], y0[y], y1[y]
                for j in range(m):
                    total = a * coarse[near, south, f, j] + b * coarse[near, north, f, j]
                    total += c * coarse[far, south, f, j]
                    line[j] = total + d * coarse[far, north, f, j]
                for j in range(out.shape[3]):
                    left = line[x0[j]]
                    out[z, y, f, j] += left + wx[j] * (line[x1[j]] - left)


@node_loop
def _restrict(
    first: int, last: int, fine: Any, nodes: Any, weights: Any, scale: Any, out: Any
) -> None:
    zs, ys, xs = nodes
    wz, wy, wx = weights
    n = fine.shape[3]
    for z in range(first, last):
        line = np.empty(n, out.dtype)
        for y in range(out.shape[1]):
            for f in range(out.shape[2]):
                line[:] = 0
                for a in range(WIDEST):
                    for b in range(WIDEST):
                        w = wz[z, a] * wy[y, b] * scale[f % 3]
                        if w != 0:
                            u, v = zs[z, a], ys[y, b]
                            for j in range(n):
                                line[j] += w * fine[u, v, f, j]
                for j in range(out.shape[3]):
                    total = wx[j, 0] * line[xs[j, 0]]
                    for a in range(1, WIDEST):
                        total += wx[j, a] * line[xs[j, a]]
                    out[z, y, f, j] = total
