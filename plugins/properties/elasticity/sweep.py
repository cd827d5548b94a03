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


def product(u: Field, index: Field, table: Field, out: Field) -> None:
    """out = K u.

    index  (Z, Y, X) integers: the row of the table that holds the moduli of an element
    table  (M, 9) or (M, 21): see `moduli.packed`
    """
    _run(PRODUCT, u, index, table, out)


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
) -> None:
    Z, Y, cases, _, X = u.shape
    none = np.zeros(0, u.dtype)
    given = none if b is None else b.reshape(-1)
    inverse = none if blocks is None else blocks.reshape(-1)
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
    )


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
) -> None:
    Z, Y, X, cases = shape
    across = (Y + LINES - 1) // LINES
    for block in prange(across * ((Z + LAYERS - 1) // LAYERS)):
        z0, y0 = (block // across) * LAYERS, (block % across) * LINES
        z1, y1 = min(z0 + LAYERS, Z), min(y0 + LINES, Y)
        s = np.zeros(CASES + PER_CASE * cases, u.dtype)
        plane = np.zeros((y1 - y0 + 1) * cases * 3 * X, u.dtype)
        for z in range(z0 - 1, z1):
            for x0 in range(0, X, TILE):
                n = min(TILE, X - x0) + 1
                _layer(
                    mode, u, index, table, b, blocks, constants, out, shape,
                    s, plane, z, z >= z0, y0, y1, x0, n,
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
    below, above = (z + Z) % Z, (z + 1) % Z
    for y in range(y0 - 2, y1):
        near, far = (y + Y) % Y, (y + 1 + Y) % Y
        at = (below * Y + near) * X
        if mode != FORCE and y >= y0 - 1:
            rows.load_moduli(s, index, at, table, x0, n, X)
        for c in range(cases):
            k = CASES + PER_CASE * c
            if mode != FORCE:
                low = ((below * Y + far) * cases + c) * 3 * X
                high = ((above * Y + far) * cases + c) * 3 * X
                rows.load_modes(s, k + BEFORE, u, low, high, x0, n, X)
            if y < y0 - 1:
                continue
            _element_forces(mode, index, at, table, constants, s, c, x0, n, X)
            carried = ((y - y0 + 1) * cases + c) * 3 * X + x0
            rows.gather(s, k + CARRY, plane, carried, X, n)
            if y < y0 or not inside:
                continue
            node = (at * cases + c * X) * 3 + x0
            if mode == RESIDUAL:
                rows.store_residual(s, b, out, node, X, n - 1)
            elif mode == RELAX:
                if c == 0:
                    rows.load_block(s, blocks, at * 6 + x0, n - 1, X)
                rows.store_relaxed(s, constants[0], u, b, out, node, X, n - 1)
            else:
                rows.store(s, out, node, X, n - 1)


@njit(fastmath={"contract", "nsz"}, error_model="numpy", cache=True)
def _element_forces(
    mode: int,
    index: Any,
    at: int,
    table: Any,
    constants: Any,
    s: Any,
    c: int,
    x0: int,
    n: int,
    X: int,
) -> None:
    """Forces on the modes of a row of elements, from displacements or from given stresses."""
    if mode == FORCE:
        rows.load_stress(s, index, at, table, c, x0, n, X)
    elif table.shape[1] == 9:
        rows.orthotropic(s, n, constants[1], constants[2])
    else:
        rows.anisotropic_mean(s, n)
        rows.anisotropic_rest(s, n, constants[1], constants[2])
