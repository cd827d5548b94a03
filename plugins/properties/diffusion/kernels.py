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
def neighbours(z, y, u, b, gz, gy, gx, scale, t):  # type: ignore[no-untyped-def]
    """Row t = b + the sum over the six neighbours of conductance times u, at row (z, y)."""
    nz, ny, nx = u.shape
    sz, sy, sx = scale
    below, south = (z - 1 if z > 0 else nz - 1), (y - 1 if y > 0 else ny - 1)
    above, north = (z + 1 if z < nz - 1 else 0), (y + 1 if y < ny - 1 else 0)
    for x in range(nx):
        flow = gz[z, y, x] * u[above, y, x] + gz[below, y, x] * u[below, y, x]
        t[x] = b[z, y, x] + sz * flow
    for x in range(nx):
        t[x] += sy * (gy[z, y, x] * u[z, north, x] + gy[z, south, x] * u[z, south, x])
    for x in range(nx - 1):
        t[x] += sx * gx[z, y, x] * u[z, y, x + 1]
    for x in range(nx - 1):
        t[x + 1] += sx * gx[z, y, x] * u[z, y, x]
    wrap = sx * gx[z, y, nx - 1]
    t[0] += wrap * u[z, y, nx - 1]
    t[nx - 1] += wrap * u[z, y, 0]


@compiled
def smooth(first, last, u, b, gz, gy, gx, diagonal, scale, omega, out):  # type: ignore[no-untyped-def]
    """out = u + omega / diagonal * (b - A u)."""
    t = np.empty(u.shape[2], u.dtype)
    for z in range(first, last):
        for y in range(u.shape[1]):
            neighbours(z, y, u, b, gz, gy, gx, scale, t)
            for x in range(u.shape[2]):
                out[z, y, x] = u[z, y, x] + omega * (t[x] / diagonal[z, y, x] - u[z, y, x])


@compiled
def first_smooth(first, last, b, diagonal, omega, out):  # type: ignore[no-untyped-def]
    """`smooth` from u = 0."""
    for z in range(first, last):
        for y in range(b.shape[1]):
            row, right, d = out[z, y], b[z, y], diagonal[z, y]
            for x in range(row.size):
                row[x] = omega * right[x] / d[x]


@compiled
def restrict(first, last, u, b, gz, gy, gx, diagonal, scale, joined, coarse):  # type: ignore[no-untyped-def]
    """Coarse planes first..last-1 = sums of the fine residual b - A u over the joined cells."""
    nz, ny, nx = u.shape
    kz, ky, kx = joined
    t = np.empty(nx, u.dtype)
    coarse[first:last] = 0
    for z in range(first * kz, min(last * kz, nz)):
        Z = z // kz
        for y in range(ny):
            Y = y // ky
            neighbours(z, y, u, b, gz, gy, gx, scale, t)
            for x in range(nx):
                t[x] -= diagonal[z, y, x] * u[z, y, x]
            if kx == 1:
                for x in range(nx):
                    coarse[Z, Y, x] += t[x]
            else:
                for x in range(nx // 2):
                    coarse[Z, Y, x] += t[2 * x] + t[2 * x + 1]
                if nx % 2 == 1:
                    coarse[Z, Y, nx // 2] += t[nx - 1]


@compiled
def prolong(first, last, coarse, joined, u):  # type: ignore[no-untyped-def]
    """u += the coarse correction, constant over the joined cells."""
    kz, ky, kx = joined
    nx = u.shape[2]
    for z in range(first, last):
        for y in range(u.shape[1]):
            row, add = u[z, y], coarse[z // kz, y // ky]
            if kx == 1:
                for x in range(nx):
                    row[x] += add[x]
            else:
                for x in range(nx // 2):
                    row[2 * x] += add[x]
                    row[2 * x + 1] += add[x]
                if nx % 2 == 1:
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
