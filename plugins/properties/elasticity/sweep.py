"""K u on a periodic grid of voxels without a matrix: product, residual, relaxation.

Fields have shape (Z, Y, cases, 3, X): all load cases of a row of nodes lie together, so that one
pass over the voxels serves all and memory is read in long runs. Node (z, y, x) is the lower
corner of element (z, y, x); an edge has length 1 (`moduli` says what that means for voxels).

There is one sweep. Arrays that it does not need are None, and numba knows so when it compiles: axes
along the grid hold no code for 21 moduli, only where the varying strain has moduli of its own are
they read, and the product of K and u has no right-hand side. Whether it relaxes is a variable, so
that relaxation and residual are compiled once for both.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from recon.plugins.compiling import kernel
from recon.plugins.properties.elasticity import rows
from recon.plugins.properties.elasticity.moduli import halves
from recon.plugins.properties.elasticity.rows import (
    BEFORE,
    CARRY,
    CASES,
    PER_CASE,
    TILE,
)
from recon.plugins.slabs import over_slabs

LAYERS, LINES = 16, 32  # nodes along z and y of a block, the unit of parallel work
Field = NDArray[Any]
# As a function of its own it would be optimized twice, by itself and where it is called.
inlined = njit(inline="always", fastmath={"contract", "nsz"}, error_model="numpy")


def product(u: Field, index: Field, table: Field, out: Field) -> None:
    """out = K u.

    index  (Z, Y, X) integers: the row of the table that holds the moduli of an element
    table  (M, 9), (M, 21) or twice as many: see `moduli.packed`
    """
    _run(u, index, table, out)


def residual(u: Field, b: Field, index: Field, table: Field, out: Field) -> None:
    """out = b - K u."""
    _run(u, index, table, out, b, u)


def relax(
    u: Field, b: Field, index: Field, table: Field, blocks: Field, weight: float, out: Field
) -> None:
    """out = u + weight D (b - K u), D the inverse diagonal blocks (Z, Y, 6, X)."""
    _run(u, index, table, out, b, blocks, weight)


def _run(
    u: Field,
    index: Field,
    table: Field,
    out: Field,
    b: Field | None = None,
    blocks: Field | None = None,
    weight: float = 0.0,
) -> None:
    """Relax where there is a weight; without one, blocks are not read."""
    Z, Y, cases, _, X = u.shape
    columns = halves(table.T)
    aligned = len(columns[0]) == 9
    first = np.ascontiguousarray(columns[0].T)
    varying = np.ascontiguousarray(columns[1].T) if len(columns) > 1 else None
    over_slabs(
        -(-Y // LINES) * -(-Z // LAYERS),
        index.size,
        _sweep,
        u.reshape(-1),
        index.reshape(-1),
        first if aligned else None,
        None if aligned else first,
        varying,
        None if b is None else b.reshape(-1),
        None if blocks is None else blocks.reshape(-1),
        np.array([weight, 1 / 3, 1 / 9, 1]).astype(u.dtype),
        weight != 0,
        out.reshape(-1),
        (Z, Y, X, cases),
    )


@kernel(fastmath={"contract", "nsz"}, error_model="numpy")
def _sweep(
    first: int,
    last: int,
    u: Any,
    index: Any,
    table9: Any,
    table21: Any,
    varying: Any,
    b: Any,
    blocks: Any,
    constants: Any,
    relaxed: bool,
    out: Any,
    shape: Any,
) -> None:
    Z, Y, X, cases = shape
    across = (Y + LINES - 1) // LINES
    for block in range(first, last):
        z0, y0 = (block // across) * LAYERS, (block % across) * LINES
        z1, y1 = min(z0 + LAYERS, Z), min(y0 + LINES, Y)
        s = np.zeros(CASES + PER_CASE * cases, u.dtype)
        plane = np.zeros((y1 - y0 + 1) * cases * 3 * X, u.dtype)
        for z in range(z0 - 1, z1):
            for x0 in range(0, X, TILE):
                n = min(TILE, X - x0) + 1
                _layer(
                    u, index, table9, table21, varying, b, blocks, constants, relaxed, out,
                    shape, s, plane, z, z >= z0, y0, y1, x0, n,
                )  # fmt: skip


@inlined
def _moduli(
    s: Any, index: Any, table9: Any, table21: Any, varying: Any, at: int, x0: int, n: int, X: int
) -> None:
    """Load the moduli of n elements."""
    if table9 is not None:
        rows.load_moduli(s, index, at, table9, x0, n, X)
    if table21 is not None:
        rows.load_moduli(s, index, at, table21, x0, n, X)
    if varying is not None:
        rows.load_varying(s, index, at, varying, x0, n, X)


@inlined
def _forces(s: Any, table9: Any, table21: Any, varying: Any, constants: Any, n: int) -> None:
    """Forces on the modes of n elements."""
    if table9 is not None and varying is None:
        rows.orthotropic(s, n, constants[1], constants[2])
    if table9 is not None and varying is not None:
        rows.orthotropic_apart(s, n, constants[1], constants[2])
    if table21 is not None:
        rows.anisotropic_mean(s, n)
    if table21 is not None and varying is None:
        rows.anisotropic_rest(s, n, constants[1], constants[2])
    if table21 is not None and varying is not None:
        rows.anisotropic_rest_apart(s, n, constants[1], constants[2])


@inlined
def _layer(
    u: Any,
    index: Any,
    table9: Any,
    table21: Any,
    varying: Any,
    b: Any,
    blocks: Any,
    constants: Any,
    relaxed: bool,
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
        if y >= y0 - 1:
            _moduli(s, index, table9, table21, varying, at, x0, n, X)
        for c in range(cases):
            k = CASES + PER_CASE * c
            low = ((below * Y + far) * cases + c) * 3 * X
            high = ((above * Y + far) * cases + c) * 3 * X
            rows.load_modes(s, k + BEFORE, u, low, high, x0, n, X)
            if y < y0 - 1:
                continue
            _forces(s, table9, table21, varying, constants, n)
            carried = ((y - y0 + 1) * cases + c) * 3 * X + x0
            rows.gather(s, k + CARRY, plane, carried, X, n)
            if y < y0 or not inside:
                continue
            node = (at * cases + c * X) * 3 + x0
            block = at * 6 + x0 if c == 0 else -1
            _finish(s, u, b, blocks, constants, relaxed, out, node, block, X, n - 1)


@inlined
def _finish(
    s: Any,
    u: Any,
    b: Any,
    blocks: Any,
    constants: Any,
    relaxed: bool,
    out: Any,
    node: int,
    block: int,
    X: int,
    n: int,
) -> None:
    """Store what is asked for at n nodes, of which `s` holds K u; block < 0: it has been read."""
    if b is not None:
        rows.combine(s, -constants[3], b, node, X, n)
        if relaxed:
            if block >= 0:
                rows.load_block(s, blocks, block, n, X)
            rows.multiply_block(s, constants[0], n)
            rows.combine(s, constants[3], u, node, X, n)
    rows.store(s, out, node, X, n)
