"""K u on a periodic grid of voxels without a matrix: product, residual, relaxation, force.

Fields have shape (Z, Y, cases, 3, X): all load cases of a row of nodes lie together, so that one
pass over the voxels serves all and memory is read in long runs. Node (z, y, x) is the lower
corner of element (z, y, x); an edge has length 1 (`moduli` says what that means for voxels).
"""

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from recon.plugins.properties.elasticity import rows
from recon.plugins.properties.elasticity.rows import (
    BEFORE,
    CARRY,
    CASES,
    PER_CASE,
    TILE,
)

LAYERS, LINES = 16, 32  # nodes along z and y of a block, the unit of parallel work
PRODUCT, RESIDUAL, RELAX, FORCE = range(4)
Field = NDArray[Any]


def product(u: Field, index: Field, table: Field, out: Field) -> NDArray[np.float64]:
    """out = K u; returns u . K u of every case.

    index  (Z, Y, X) integers: the row of the table that holds the moduli of an element
    table  (M, 9) or (M, 21): see `moduli.packed`
    """
    return _run(PRODUCT, u, index, table, out)


def residual(u: Field, b: Field, index: Field, table: Field, out: Field) -> None:
    """out = b - K u."""
    _run(RESIDUAL, u, index, table, out, b)


def relax(
    u: Field, b: Field, index: Field, table: Field, blocks: Field, weight: float, out: Field
) -> None:
    """out = u + weight D (b - K u), D the inverse diagonal blocks (Z, Y, 6, X)."""
    _run(RELAX, u, index, table, out, b, blocks, weight)


def force(index: Field, stress: Field, out: Field) -> None:
    """Nodal forces -div of a stress per element; stress (M, 6 cases), 4 times its value / 16."""
    _run(FORCE, out, index, stress, out)


def _run(
    mode: int,
    u: Field,
    index: Field,
    table: Field,
    out: Field,
    b: Field | None = None,
    blocks: Field | None = None,
    weight: float = 0.0,
) -> NDArray[np.float64]:
    Z, Y, cases, _, X = u.shape
    none = np.zeros(0, u.dtype)
    given = none if b is None else b.reshape(-1)
    inverse = none if blocks is None else blocks.reshape(-1)
    dots = np.zeros((-(-Z // LAYERS) * -(-Y // LINES), cases))
    shape = (Z, Y, X, cases)
    constants = np.array([weight, 1 / 3, 1 / 9]).astype(u.dtype)
    _sweep(
        mode,
        u.reshape(-1),
        index.reshape(-1),
        table,
        given,
        inverse,
        constants,
        out.reshape(-1),
        shape,
        dots,
    )
    return dots.sum(0)


@njit(parallel=True, fastmath={"contract", "nsz"}, error_model="numpy", cache=True)
def _sweep(
    mode: int,
    u: Any,
    index: Any,
    table: Any,
    b: Any,
    blocks: Any,
    constants: Any,
    out: Any,
    shape: Any,
    dots: Any,
) -> None:
    Z, Y, X, cases = shape
    across = (Y + LINES - 1) // LINES
    for block in prange(dots.shape[0]):
        z0, y0 = (block // across) * LAYERS, (block % across) * LINES
        z1, y1 = min(z0 + LAYERS, Z), min(y0 + LINES, Y)
        s = np.zeros(CASES + PER_CASE * cases, u.dtype)
        plane = np.zeros((y1 - y0) * cases * 3 * X, u.dtype)
        for z in range(z0 - 1, z1):
            for x0 in range(0, X, TILE):
                n = min(TILE, X - x0) + 1
                _layer(
                    mode, u, index, table, b, blocks, constants, out, shape,
                    dots[block], s, plane, z, z >= z0, y0, y1, x0, n,
                )  # fmt: skip


@njit(fastmath={"contract", "nsz"}, error_model="numpy", cache=True)
def _layer(
    mode: int,
    u: Any,
    index: Any,
    table: Any,
    b: Any,
    blocks: Any,
    constants: Any,
    out: Any,
    shape: Any,
    dots: Any,
    s: Any,
    plane: Any,
    z: int,
    inside: bool,
    y0: int,
    y1: int,
    x0: int,
    n: int,
) -> None:
    """One layer of elements over nodes y0 .. y1 - 1 and n - 1 nodes from x0 on."""
    Z, Y, X, cases = shape
    third, ninth = constants[1], constants[2]
    below, above = (z if z >= 0 else Z - 1), (z + 1 if z + 1 < Z else 0)
    for y in range(y0 - 2, y1):
        near, far = (y + Y) % Y, (y + 1 + Y) % Y
        at = (below * Y + near) * X
        if mode != FORCE:
            if y >= y0 - 1:
                rows.load_moduli(s, index, at, table, x0, n, X)
            if mode == RELAX and inside and y >= y0:
                rows.load_block(s, blocks, at * 6 + x0, n - 1, X)
        for c in range(cases):
            k = CASES + PER_CASE * c
            if mode == FORCE:
                if y < y0 - 1:
                    continue
                rows.load_stress(s, index, at, table, c, x0, n, X)
            else:
                for i in range(3):
                    f = cases * 3
                    low = ((below * Y + far) * f + c * 3 + i) * X
                    high = ((above * Y + far) * f + c * 3 + i) * X
                    rows.load_modes(s, i, k + BEFORE + i * 2 * rows.WIDTH, u, low, high, x0, n, X)
                if y < y0 - 1:
                    continue
                if table.shape[1] == 9:
                    rows.orthotropic(s, n, third, ninth)
                else:
                    rows.anisotropic_mean(s, n)
                    rows.anisotropic_rest(s, n, third, ninth)
            rows.gather_x(s, n)
            rows.gather_y(s, k + CARRY, n - 1)
            if y >= y0:
                _finish(
                    mode, u, b, constants[0], out, dots, s, plane, c, inside,
                    ((y - y0) * cases + c) * 3 * X + x0, (at * cases + c * X) * 3 + x0, X, n - 1,
                )  # fmt: skip


@njit(fastmath={"contract", "nsz"}, error_model="numpy", cache=True)
def _finish(
    mode: int,
    u: Any,
    b: Any,
    weight: float,
    out: Any,
    dots: Any,
    s: Any,
    plane: Any,
    c: int,
    inside: bool,
    carried: int,
    at: int,
    X: int,
    n: int,
) -> None:
    """Take over what the layer below left, and write the nodes when they are this block's."""
    for i in range(3):
        rows.gather_z(s, i, plane, carried + i * X, n)
    if not inside:
        return
    for i in range(3):
        if mode == PRODUCT:
            dots[c] += rows.store_dot(s, i, u, out, at + i * X, n)
        elif mode == FORCE:
            rows.store(s, i, out, at + i * X, n)
        else:
            rows.subtract(s, i, b, at + i * X, n)
            if mode == RESIDUAL:
                rows.store(s, i, out, at + i * X, n)
    if mode == RELAX:
        rows.multiply_block(s, n, weight)
        for i in range(3):
            rows.store_sum(s, i, u, out, at + i * X, n)
