"""One grid of the hierarchy on the CPU, and the work that a V-cycle asks of it."""

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import kernel
from recon.plugins.properties.elasticity import sweep, transfer
from recon.plugins.properties.elasticity.moduli import corner_block, unpacked
from recon.plugins.properties.elasticity.multigrid import Grid, dense
from recon.plugins.slabs import over_slabs

Field = NDArray[Any]


@attrs.define(eq=False)
class Level:
    """Elements of one grid in its precision, with scratch fields (Z, Y, cases, 3, X)."""

    grid: Grid
    cases: int
    table: Field = attrs.field(init=False)
    blocks: Field = attrs.field(init=False)
    fields: dict[str, Field] = attrs.field(init=False)
    inverse: Field | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.table = self.grid.table.astype(self.grid.dtype)
        self.blocks = inverse_blocks(self.grid.index, self.table)
        Z, Y, X = self.grid.index.shape
        self.fields = {name: np.zeros((Z, Y, self.cases, 3, X), self.grid.dtype) for name in "bxy"}
        if self.grid.axes is None:
            self.inverse = dense(self.grid)

    def array(self, values: Field) -> Field:
        """A numpy array as the fields are stored."""
        return values

    def begin(self, b: Field, weight: float, out: Field) -> None:
        """out = weight D b: a relaxation that starts from zero."""
        arguments = (b, self.blocks, self.grid.dtype(weight), out)
        over_slabs(b.shape[0], self.grid.index.size, _multiply_blocks, *arguments)

    def relax(self, x: Field, b: Field, weight: float, out: Field) -> None:
        """out = x + weight D (b - K x)."""
        sweep.relax(x, b, self.grid.index, self.table, self.blocks, weight, out)

    def residual(self, x: Field, b: Field, out: Field) -> None:
        """out = b - K x."""
        sweep.residual(x, b, self.grid.index, self.table, out)

    def restrict(self, fine: Field, out: Field) -> None:
        """To the right-hand side of the next coarser grid."""
        assert self.grid.axes is not None
        transfer.restrict(fine, self.grid.axes, self.grid.scale, out)

    def interpolate_add(self, coarse: Field, out: Field) -> None:
        """out += the correction of the next coarser grid."""
        assert self.grid.axes is not None
        transfer.interpolate_add(coarse, self.grid.axes, self.grid.scale, out)

    def solve(self, b: Field, out: Field) -> None:
        """The coarsest grid: every case times the pseudo-inverse."""
        columns = np.moveaxis(b, 2, 0)
        solved = columns.reshape(self.cases, -1) @ self.inverse
        out[...] = np.moveaxis(solved.reshape(columns.shape), 0, 2)


def inverse_blocks(index: Field, table: Field) -> Field:
    """Inverse 3 x 3 diagonal blocks of the nodes (Z, Y, 6, X), in the precision of the table; zero
    at nodes in void only."""
    alike, signed = corner_block(*unpacked(table.astype(np.float64)))
    parts = np.concatenate([alike[:, None], signed], 1).reshape(len(table), 24)
    Z, Y, X = index.shape
    out = np.empty((Z, Y, 6, X), table.dtype)
    over_slabs(Z, index.size, _inverse_blocks, index, parts, out)
    return out


@kernel(error_model="numpy")
def _inverse_blocks(first: int, last: int, index: Any, parts: Any, out: Any) -> None:
    _, Y, _, X = out.shape
    for z in range(first, last):
        m = np.empty(6)
        for y in range(Y):
            for x in range(X):
                for e in range(6):
                    m[e] = 0
                for a in range(2):
                    for b in range(2):
                        for c in range(2):
                            # the node is corner (1 - c, 1 - b, 1 - a) of this element
                            k = index[z - 1 + a, y - 1 + b, x - 1 + c]
                            sz, sy, sx = 1 - 2 * a, 1 - 2 * b, 1 - 2 * c
                            for e in range(6):
                                m[e] += (
                                    parts[k, e]
                                    + sy * sz * parts[k, 6 + e]
                                    + sx * sz * parts[k, 12 + e]
                                    + sx * sy * parts[k, 18 + e]
                                )
                p, q, r, t, u, v = m[0], m[1], m[2], m[3], m[4], m[5]
                det = p * (q * r - t * t) - v * (v * r - t * u) + u * (v * t - q * u)
                scale = p + q + r
                w = 1 / det if det > 1e-12 * scale**3 and scale > 0 else 0.0
                out[z, y, 0, x] = (q * r - t * t) * w
                out[z, y, 1, x] = (p * r - u * u) * w
                out[z, y, 2, x] = (p * q - v * v) * w
                out[z, y, 3, x] = (u * v - p * t) * w
                out[z, y, 4, x] = (v * t - q * u) * w
                out[z, y, 5, x] = (t * u - v * r) * w


@kernel(fastmath={"contract", "nsz"}, error_model="numpy")
def _multiply_blocks(first: int, last: int, b: Any, blocks: Any, weight: Any, out: Any) -> None:
    for z in range(first, last):
        for y in range(b.shape[1]):
            for c in range(b.shape[2]):
                for i in range(3):
                    # rows xx xy xz, xy yy yz, xz yz zz of a block
                    e = 0 if i == 0 else 6 - i
                    f = 5 if i == 0 else (1 if i == 1 else 3)
                    g = 4 if i == 0 else (3 if i == 1 else 2)
                    for j in range(b.shape[4]):
                        total = blocks[z, y, e, j] * b[z, y, c, 0, j]
                        total += blocks[z, y, f, j] * b[z, y, c, 1, j]
                        total += blocks[z, y, g, j] * b[z, y, c, 2, j]
                        out[z, y, c, i, j] = weight * total
