"""K u of trilinear elements in torch: pure functions of tensors, which a compiler may fuse.

The arithmetic is that of `rows`: in the basis of the modes 1, x, y, z, xy, xz, yz, xyz of an
element's corners different modes are orthogonal. Nothing is written in place.

u      (n + 2, Y, cases, 3, X)  nodes z0 - 1 .. z0 + n, where n layers from z0 on are asked for
index  (n + 1, Y + 1, X + 1)    elements from (z0 - 1, -1, -1) on
table  (9 or 21, M) or twice as many: the columns of `moduli.packed`
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from recon.plugins.properties.elasticity.moduli import ORTHOTROPIC, REST, halves

THIRD = 1 / 3  # mean square of a coordinate over an element of edge 2
Vector = Sequence[Tensor | None]


def product(u: Tensor, index: Tensor, table: Tensor) -> Tensor:
    """K u."""
    modes = corner_modes(wrapped(wrapped(u, 1), 4))
    return gathered(stresses([mode.unbind(3) for mode in modes], gather(table, index)))


def residual(u: Tensor, index: Tensor, table: Tensor, b: Tensor) -> Tensor:
    """b - K u."""
    return b - product(u, index, table)


def relax(
    u: Tensor, index: Tensor, table: Tensor, b: Tensor, blocks: Tensor, weight: Tensor
) -> Tensor:
    """u + weight D (b - K u)."""
    return u[1:-1] + begin(residual(u, index, table, b), blocks, weight)


def begin(b: Tensor, blocks: Tensor, weight: Tensor) -> Tensor:
    """weight D b, with the inverse diagonal blocks (n, Y, 6, X): xx, yy, zz, yz, xz, xy."""
    p, q, r = (weight * b).unbind(3)
    xx, yy, zz, yz, xz, xy = blocks.unsqueeze(2).unbind(3)
    return torch.stack(
        (xx * p + xy * q + xz * r, xy * p + yy * q + yz * r, xz * p + yz * q + zz * r), 3
    )


def force(index: Tensor, stress: Tensor) -> Tensor:
    """Nodal forces of a stress in the elements; stress (cases, 6, M), as `sweep.force` has it."""
    there = gather(stress.flatten(0, 1), index).view(*stress.shape[:2], *index.shape)
    xx, yy, zz, yz, xz, xy = there.movedim(0, 3).unbind(0)
    x, y, z = (torch.stack(part, 3) for part in ((xx, xy, xz), (xy, yy, yz), (xz, yz, zz)))
    return gathered([x, y, z])


def inverse_blocks(index: Tensor, table: Tensor, parts: Tensor) -> Tensor:
    """Inverse diagonal blocks of the nodes, zero where there is void only.

    parts  (columns of the table, 24): `moduli.corner_block` as a linear map of packed moduli
    """
    there = gather(table, index)
    a, yz, xz, xy = (parts.T @ there.flatten(1)).view(4, 6, *index.shape).unbind(0)
    p, q, r, t, u, v = (
        total(total(total(a, 1), 2), 3)
        + total(change(change(yz, 1), 2), 3)
        + total(change(change(xz, 1), 3), 2)
        + total(change(change(xy, 2), 3), 1)
    )
    det = p * (q * r - t * t) - v * (v * r - t * u) + u * (v * t - q * u)
    scale = p + q + r
    solid = (det > 1e-12 * scale**3) & (scale > 0)
    w = torch.where(solid, 1 / torch.where(solid, det, 1), 0)
    entries = (
        q * r - t * t, p * r - u * u, p * q - v * v,
        u * v - p * t, v * t - q * u, t * u - v * r,
    )  # fmt: skip
    return torch.stack(entries, 2) * w.unsqueeze(2)


def gather(table: Tensor, index: Tensor) -> Tensor:
    """Columns of a table (m, M) at the elements: (m, *index.shape)."""
    return table.index_select(1, index.flatten().int()).view(-1, *index.shape)


def wrapped(field: Tensor, dim: int) -> Tensor:
    """Periodic, with one layer more on either side."""
    last = field.shape[dim] - 1
    return torch.cat((field.narrow(dim, last, 1), field, field.narrow(dim, 0, 1)), dim)


def total(field: Tensor, dim: int) -> Tensor:
    """Sums of neighbours."""
    n = field.shape[dim] - 1
    return field.narrow(dim, 1, n) + field.narrow(dim, 0, n)


def change(field: Tensor, dim: int) -> Tensor:
    """Differences of neighbours."""
    n = field.shape[dim] - 1
    return field.narrow(dim, 1, n) - field.narrow(dim, 0, n)


def corner_modes(u: Tensor) -> list[Tensor]:
    """The modes x, y, z, xy, xz, yz, xyz of the elements between nodes (z, y, case, 3, x)."""
    s, d = total(u, 0), change(u, 0)
    one, y, z, yz = total(s, 1), change(s, 1), total(d, 1), change(d, 1)
    return [
        change(one, 4),
        total(y, 4),
        total(z, 4),
        change(y, 4),
        change(z, 4),
        total(yz, 4),
        change(yz, 4),
    ]


def gathered(modes: Sequence[Tensor]) -> Tensor:
    """Forces on the nodes between elements, from `stresses`: modes x, y, z[, xy, xz, yz, xyz]."""
    x, y, z = modes[:3]
    one, y, z = -change(x, 4), total(y, 4), total(z, 4)
    if len(modes) == 3:
        plain, steep = total(one, 1) - change(y, 1), total(z, 1)
    else:
        xy, xz, yz, xyz = modes[3:]
        y = torch.sub(y, change(xy, 4), alpha=THIRD)
        z = torch.sub(z, change(xz, 4), alpha=THIRD)
        yz = THIRD * torch.sub(total(yz, 4), change(xyz, 4), alpha=THIRD)
        plain, steep = total(one, 1) - change(y, 1), total(z, 1) - change(yz, 1)
    return total(plain, 0) - change(steep, 0)


def stresses(modes: Sequence[Sequence[Tensor]], moduli: Tensor) -> list[Tensor]:
    """Forces on the modes x, y, z, xy, xz, yz, xyz: for each the components stacked.

    The mean squares of the modes' derivatives, 1/3 and 1/9 of the last four, are left out.
    """
    x, y, z, xy, xz, yz, xyz = modes
    parts = []
    for half in halves(moduli):
        C: list[list[Tensor | None]] = [[None] * 6 for _ in range(6)]
        for (i, j), c in zip(ORTHOTROPIC + REST, half.unsqueeze(3).unbind(0), strict=False):
            C[i][j] = C[j][i] = c
        parts.append(C)
    mean = (x[0], y[1], z[2], y[2] + z[1], x[2] + z[0], x[1] + y[0])
    s = [dot(row, mean) for row in parts[0]]
    C = parts[-1]
    # the parts of the strain that vary along x, along y and along z
    along_x = (None, xy[1], xz[2], xz[1] + xy[2], xz[0], xy[0])
    along_y = (xy[0], None, yz[2], yz[1], yz[0] + xy[2], xy[1])
    along_z = (xz[0], yz[1], None, yz[2], xz[2], yz[0] + xz[1])
    _, p2, p3, p4, p5, p6 = (dot(row, along_x) for row in C)
    q1, _, q3, q4, q5, q6 = (dot(row, along_y) for row in C)
    r1, r2, _, r4, r5, r6 = (dot(row, along_z) for row in C)
    return [
        torch.stack((s[0], s[5], s[4]), 3),
        torch.stack((s[5], s[1], s[3]), 3),
        torch.stack((s[4], s[3], s[2]), 3),
        torch.stack((p6 + q1, p2 + q6, p4 + q5), 3),
        torch.stack((p5 + r1, p4 + r6, p3 + r5), 3),
        torch.stack((q5 + r6, q4 + r2, q3 + r4), 3),
        torch.stack([dot(row, xyz) for row in twisted(C)], 3),
    ]


def twisted(C: Sequence[Vector]) -> list[list[Tensor | None]]:
    """Stiffness (3, 3) of the mode xyz."""
    xx, yy, zz = (
        added(C[0][0], C[4][4], C[5][5]),
        added(C[1][1], C[3][3], C[5][5]),
        added(C[2][2], C[3][3], C[4][4]),
    )
    yz, xz, xy = (
        added(C[1][3], C[2][3], C[4][5]),
        added(C[0][4], C[2][4], C[3][5]),
        added(C[0][5], C[1][5], C[3][4]),
    )
    return [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]


def added(a: Tensor | None, b: Tensor | None, c: Tensor | None) -> Tensor | None:
    """Their sum; None stands for zero, and all are or none is."""
    return None if a is None or b is None or c is None else a + b + c


def dot(row: Vector, strain: Vector) -> Tensor:
    """Sum of the products, where None stands for zero."""
    value: Tensor | None = None
    for c, e in zip(row, strain, strict=True):
        if c is not None and e is not None:
            value = c * e if value is None else torch.addcmul(value, c, e)
    if value is None:
        raise ValueError("a row of moduli without an entry")
    return value
