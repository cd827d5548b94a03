"""Vectors of block conjugate gradients: fields (Z, Y, cases, 3, X), mixed case by case.

Sums do not depend on the number of threads: there is a partial sum for each layer of nodes, and
these are added in order.
"""

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

kernel = njit(parallel=True, fastmath=True, error_model="numpy", cache=True)


def gram(a: Any, b: Any) -> NDArray[np.float64]:
    """a_i . b_j of all cases i, j."""
    parts = np.zeros((a.shape[0], a.shape[2], b.shape[2]))
    _gram(_rows(a), _rows(b), parts)
    total: NDArray[np.float64] = parts.sum(0)
    return total


def norms(a: Any) -> NDArray[np.float64]:
    """|a_i| of every case."""
    parts = np.zeros((a.shape[0], a.shape[2]))
    _squares(_rows(a), parts)
    length: NDArray[np.float64] = np.sqrt(parts.sum(0))
    return length


def step(x: Any, r: Any, p: Any, q: Any, a: Any, single: Any) -> NDArray[np.float64]:
    """x += p a, r -= q a, single = r; returns |r| of every case."""
    parts = np.zeros((x.shape[0], x.shape[2]))
    _step(_rows(x), _rows(r), _rows(p), _rows(q), a, _rows(single), parts)
    length: NDArray[np.float64] = np.sqrt(parts.sum(0))
    return length


def turn(p: Any, z: Any, b: Any) -> None:
    """p = z + p b."""
    _turn(_rows(p), _rows(z), b)


def _rows(a: Any) -> Any:
    return a.reshape(*a.shape[:3], -1)


@kernel
def _gram(a: Any, b: Any, parts: Any) -> None:
    for z in prange(a.shape[0]):
        for y in range(a.shape[1]):
            for c in range(a.shape[2]):
                for d in range(b.shape[2]):
                    p, q, total = a[z, y, c], b[z, y, d], 0.0
                    for j in range(a.shape[3]):
                        total += np.float64(p[j]) * np.float64(q[j])
                    parts[z, c, d] += total


@kernel
def _squares(a: Any, parts: Any) -> None:
    for z in prange(a.shape[0]):
        for y in range(a.shape[1]):
            for c in range(a.shape[2]):
                p, total = a[z, y, c], 0.0
                for j in range(a.shape[3]):
                    total += p[j] * p[j]
                parts[z, c] += total


@kernel
def _step(x: Any, r: Any, p: Any, q: Any, a: Any, single: Any, parts: Any) -> None:
    for z in prange(x.shape[0]):
        for y in range(x.shape[1]):
            for c in range(x.shape[2]):
                xs, rs, out = x[z, y, c], r[z, y, c], single[z, y, c]
                for d in range(p.shape[2]):
                    ps, qs, w = p[z, y, d], q[z, y, d], a[d, c]
                    for j in range(x.shape[3]):
                        xs[j] += w * ps[j]
                    for j in range(x.shape[3]):
                        rs[j] -= w * qs[j]
                total = 0.0
                for j in range(x.shape[3]):
                    total += rs[j] * rs[j]
                for j in range(x.shape[3]):
                    out[j] = rs[j]
                parts[z, c] += total


@kernel
def _turn(p: Any, z: Any, b: Any) -> None:
    for k in prange(p.shape[0]):
        old = np.empty((p.shape[2], p.shape[3]))
        for y in range(p.shape[1]):
            for c in range(p.shape[2]):
                source, target = p[k, y, c], old[c]
                for j in range(p.shape[3]):
                    target[j] = source[j]
            for c in range(p.shape[2]):
                ps, zs = p[k, y, c], z[k, y, c]
                for j in range(p.shape[3]):
                    ps[j] = zs[j]
                for d in range(p.shape[2]):
                    w, before = b[d, c], old[d]
                    for j in range(p.shape[3]):
                        ps[j] += w * before[j]
