"""Loops over the planes first..last-1 of one grid, for numba.

Rows along x are contiguous and free of branches; neighbours across a wrapping face are reached
through the row index along z and y, and through the two end cells along x. Each plane writes only
to itself and keeps its own partial sum, so results do not depend on the number of threads.
No kernel holds the GIL.
"""

from typing import Any

import numpy as np
from numba import njit

from recon.plugins.compiling import kernel

FAST = {"reassoc", "contract", "nsz", "arcp"}
compiled: Any = kernel(error_model="numpy", fastmath=FAST)
# Inlined by numba: as a call, its loops ran at half the speed.
inlined: Any = njit(inline="always", nogil=True, error_model="numpy", fastmath=FAST)


@inlined
def neighbours(z, y, u, b, matrix, t):  # type: ignore[no-untyped-def]
    """Row t = b + the sum over the six neighbours of conductance times u, at row (z, y)."""
    nz, ny, nx = u.shape
    gz, gy, gx, (sz, sy, sx) = matrix
    below, south = (z - 1 if z > 0 else nz - 1), (y - 1 if y > 0 else ny - 1)
    above, north = (z + 1 if z < nz - 1 else 0), (y + 1 if y < ny - 1 else 0)
    here, right, face = u[z, y], b[z, y], gx[z, y]
    a, a_face, b_, b_face = u[above, y], gz[z, y], u[below, y], gz[below, y]
    n, n_face, s, s_face = u[z, north], gy[z, y], u[z, south], gy[z, south]
    for x in range(nx):
        flow = sz * (a_face[x] * a[x] + b_face[x] * b_[x])
        t[x] = right[x] + flow + sy * (n_face[x] * n[x] + s_face[x] * s[x])
    for x in range(1, nx - 1):
        t[x] += sx * (face[x] * here[x + 1] + face[x - 1] * here[x - 1])
    for x in range(0, nx, max(nx - 1, 1)):
        left, next = (x - 1 if x > 0 else nx - 1), (x + 1 if x < nx - 1 else 0)
        t[x] += sx * (face[x] * here[next] + face[left] * here[left])


@compiled
def smooth(first, last, u, b, matrix, inverse, omega, out):  # type: ignore[no-untyped-def]
    """out = u + omega * inverse * (b - A u), with the inverse of the diagonal."""
    for z in range(first, last):
        for y in range(u.shape[1]):
            t, here, by = out[z, y], u[z, y], inverse[z, y]
            neighbours(z, y, u, b, matrix, t)
            for x in range(t.size):
                t[x] = here[x] + omega * (t[x] * by[x] - here[x])


@compiled
def first_smooth(first, last, b, inverse, omega, out):  # type: ignore[no-untyped-def]
    """`smooth` from u = 0."""
    for z in range(first, last):
        for y in range(b.shape[1]):
            row, right, by = out[z, y], b[z, y], inverse[z, y]
            for x in range(row.size):
                row[x] = omega * right[x] * by[x]


@compiled
def restrict(first, last, u, b, matrix, inverse, joined, coarse):  # type: ignore[no-untyped-def]
    """Coarse planes first..last-1 = sums of the fine residual b - A u over the joined cells."""
    nz, ny, nx = u.shape
    kz = joined[0]
    t = np.empty(nx, u.dtype)
    coarse[first:last] = 0
    for z in range(first * kz, min(last * kz, nz)):
        for y in range(ny):
            neighbours(z, y, u, b, matrix, t)
            join_row(z, y, u[z, y], inverse[z, y], joined, t, coarse)


@inlined
def join_row(z, y, here, inverse, joined, t, coarse):  # type: ignore[no-untyped-def]
    """Add a row of the residual to its coarse row; t holds b + the neighbours' part of A u."""
    kz, ky, kx = joined
    nx, row = t.size, coarse[z // kz, y // ky]
    for x in range(nx):
        t[x] = t[x] - here[x] / inverse[x] if inverse[x] > 0 else 0 * t[x]
    if kx == 1:
        for x in range(nx):
            row[x] += t[x]
    else:
        for x in range(nx // 2):
            row[x] += t[2 * x] + t[2 * x + 1]
        if nx % 2 == 1:
            row[nx // 2] += t[nx - 1]


@compiled
def prolong(first, last, coarse, joined, inverse, u):  # type: ignore[no-untyped-def]
    """u += the coarse correction, constant over the joined cells; where inverse is 0, u stays."""
    kz, ky, kx = joined
    nx = u.shape[2]
    for z in range(first, last):
        for y in range(u.shape[1]):
            row, add, by = u[z, y], coarse[z // kz, y // ky], inverse[z, y]
            if kx == 1:
                for x in range(nx):
                    row[x] += add[x] if by[x] > 0 else 0 * add[x]
            else:
                for x in range(nx // 2):
                    row[2 * x] += add[x] if by[2 * x] > 0 else 0 * add[x]
                    row[2 * x + 1] += add[x] if by[2 * x + 1] > 0 else 0 * add[x]
                if nx % 2 == 1 and by[nx - 1] > 0:
                    row[nx - 1] += add[nx // 2]


@compiled
def apply(first, last, p, gz, gy, gx, ends, scale, q, sums):  # type: ignore[no-untyped-def]
    """q = A p in double precision, by differences; sums[z] = p . q of the plane."""
    nz, ny, nx = p.shape
    sz, sy, sx = scale
    for z in range(first, last):
        below, above = (z - 1 if z > 0 else nz - 1), (z + 1 if z < nz - 1 else 0)
        total = 0.0
        start, stop = (1.0 if z == 0 else 0.0), (1.0 if z == nz - 1 else 0.0)
        for y in range(ny):
            south, north = (y - 1 if y > 0 else ny - 1), (y + 1 if y < ny - 1 else 0)
            for x in range(nx):
                u = p[z, y, x]
                up = gz[z, y, x] * (u - p[above, y, x])
                q[z, y, x] = sz * (up + gz[below, y, x] * (u - p[below, y, x]))
            for x in range(nx):
                u = p[z, y, x]
                up = gy[z, y, x] * (u - p[z, north, x])
                q[z, y, x] += sy * (up + gy[z, south, x] * (u - p[z, south, x]))
            for x in range(nx - 1):
                q[z, y, x] += sx * gx[z, y, x] * (p[z, y, x] - p[z, y, x + 1])
            for x in range(1, nx):
                q[z, y, x] += sx * gx[z, y, x - 1] * (p[z, y, x] - p[z, y, x - 1])
            wrap = sx * gx[z, y, nx - 1] * (p[z, y, nx - 1] - p[z, y, 0])
            q[z, y, nx - 1] += wrap
            q[z, y, 0] -= wrap
            if z == 0 or z == nz - 1:
                for x in range(nx):
                    fixed = start * ends[0, y, x] + stop * ends[1, y, x]
                    q[z, y, x] += sz * fixed * p[z, y, x]
            for x in range(nx):
                total += p[z, y, x] * q[z, y, x]
        sums[z] = total


@compiled
def advance(first, last, alpha, p, q, w, r, single, sums):  # type: ignore[no-untyped-def]
    """w += alpha p, r -= alpha q, single = r; sums[z] = r . r of the plane."""
    ny, nx = w.shape[1:]
    for z in range(first, last):
        total = 0.0
        for y in range(ny):
            for x in range(nx):
                w[z, y, x] += alpha * p[z, y, x]
            for x in range(nx):
                r[z, y, x] -= alpha * q[z, y, x]
            for x in range(nx):
                single[z, y, x] = r[z, y, x]
            for x in range(nx):
                total += r[z, y, x] * r[z, y, x]
        sums[z] = total


@compiled
def dot(first, last, r, z_field, sums):  # type: ignore[no-untyped-def]
    """sums[z] = r . z of the plane."""
    for z in range(first, last):
        total = 0.0
        for y in range(r.shape[1]):
            a, b = r[z, y], z_field[z, y]
            for x in range(a.size):
                total += a[x] * b[x]
        sums[z] = total


@compiled
def turn(first, last, beta, z_field, p):  # type: ignore[no-untyped-def]
    """p = z + beta p."""
    for z in range(first, last):
        for y in range(p.shape[1]):
            a, b = z_field[z, y], p[z, y]
            for x in range(a.size):
                b[x] = a[x] + beta * b[x]


@compiled
def form(first, last, u, v, rise_u, rise_v, gz, gy, gx, ends, scale, sums):  # type: ignore[no-untyped-def]
    """sums[z] = dissipation of two fields, each a fluctuation and a linear rise.

    rise  (3,) 1 at the axis of the rise, else 0
    """
    nz, ny, nx = u.shape
    for z in range(first, last):
        above = z + 1 if z < nz - 1 else 0
        total_z, total_y, total_x = 0.0, 0.0, 0.0
        for y in range(ny):
            north = y + 1 if y < ny - 1 else 0
            a, b = u[z, y], v[z, y]
            a_next, b_next, face = u[above, y], v[above, y], gz[z, y]
            for x in range(nx):
                total_z += face[x] * (a_next[x] - a[x] + rise_u[0]) * (b_next[x] - b[x] + rise_v[0])
            if z == 0:
                for x in range(nx):
                    total_z += ends[0, y, x] * (a[x] + rise_u[0] / 2) * (b[x] + rise_v[0] / 2)
            if z == nz - 1:
                for x in range(nx):
                    total_z += ends[1, y, x] * (rise_u[0] / 2 - a[x]) * (rise_v[0] / 2 - b[x])
            a_next, b_next, face = u[z, north], v[z, north], gy[z, y]
            for x in range(nx):
                total_y += face[x] * (a_next[x] - a[x] + rise_u[1]) * (b_next[x] - b[x] + rise_v[1])
            face = gx[z, y]
            for x in range(nx - 1):
                total_x += face[x] * (a[x + 1] - a[x] + rise_u[2]) * (b[x + 1] - b[x] + rise_v[2])
            total_x += (
                face[nx - 1] * (a[0] - a[nx - 1] + rise_u[2]) * (b[0] - b[nx - 1] + rise_v[2])
            )
        sums[z] = scale[0] * total_z + scale[1] * total_y + scale[2] * total_x
