"""Vectors of block conjugate gradients: fields (Z, Y, cases, 3, X), mixed case by case.

Sums do not depend on the number of threads: there is a partial sum for each layer of nodes, and
these are added in order.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel
from recon.plugins.slabs import over_slabs

fast = kernel(fastmath=True, error_model="numpy")


def gram(a: Any, b: Any) -> NDArray[np.float64]:
    """a_i . b_j of all cases i, j."""
    parts = np.zeros((a.shape[0], a.shape[2], b.shape[2]))
    over_slabs(a.shape[0], a.size, _gram, _rows(a), _rows(b), parts)
    total: NDArray[np.float64] = parts.sum(0)
    return total


def norms(a: Any) -> NDArray[np.float64]:
    """|a_i| of every case."""
    length: NDArray[np.float64] = np.sqrt(np.diag(gram(a, a)))
    return length


def step(x: Any, r: Any, p: Any, q: Any, a: Any, single: Any) -> NDArray[np.float64]:
    """x += p a, r -= q a, single = r; returns |r| of every case."""
    parts = np.zeros((x.shape[0], x.shape[2]))
    fields = [_rows(field) for field in (x, r, p, q, single)]
    over_slabs(x.shape[0], x.size, _step, *fields, a, parts)
    length: NDArray[np.float64] = np.sqrt(parts.sum(0))
    return length


def turn(p: Any, z: Any, b: Any) -> None:
    """p = z + p b."""
    over_slabs(p.shape[0], p.size, _turn, _rows(p), _rows(z), b)


def _rows(a: Any) -> Any:
    return a.reshape(*a.shape[:3], -1)


@fast
def _gram(first: int, last: int, a: Any, b: Any, parts: Any) -> None:
    for z in range(first, last):
        for y in range(a.shape[1]):
            for c in range(a.shape[2]):
                for d in range(b.shape[2]):
                    total = 0.0
                    for j in range(a.shape[3]):
                        total += np.float64(a[z, y, c, j]) * np.float64(b[z, y, d, j])
                    parts[z, c, d] += total


@fast
def _step(
    first: int, last: int, x: Any, r: Any, p: Any, q: Any, single: Any, a: Any, parts: Any
) -> None:
    for z in range(first, last):
        for y in range(x.shape[1]):
            for c in range(x.shape[2]):
                for d in range(p.shape[2]):
                    w = a[d, c]
                    for j in range(x.shape[3]):
                        x[z, y, c, j] += w * p[z, y, d, j]
                    for j in range(x.shape[3]):
                        r[z, y, c, j] -= w * q[z, y, d, j]
                total = 0.0
                for j in range(x.shape[3]):
                    total += r[z, y, c, j] * r[z, y, c, j]
                for j in range(x.shape[3]):
                    single[z, y, c, j] = r[z, y, c, j]
                parts[z, c] += total


@fast
def _turn(first: int, last: int, p: Any, z: Any, b: Any) -> None:
    for k in range(first, last):
        old = np.empty((p.shape[2], p.shape[3]))
        for y in range(p.shape[1]):
            for c in range(p.shape[2]):
                for j in range(p.shape[3]):
                    old[c, j] = p[k, y, c, j]
            for c in range(p.shape[2]):
                for j in range(p.shape[3]):
                    p[k, y, c, j] = z[k, y, c, j]
                for d in range(p.shape[2]):
                    w = b[d, c]
                    for j in range(p.shape[3]):
                        p[k, y, c, j] += w * old[d, j]
