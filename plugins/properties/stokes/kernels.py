"""Loops over the planes first..last-1 of the staggered grid, for numba.

As in `diffusion.kernels`: rows along x without branches, each plane writes to itself only and
keeps its own sums. Velocities that do not exist are zero everywhere. Numbers have the precision of
the vectors, but for sums over rows.

bonds  (z, 4) weights of the bonds of a layer to the one below, the one above, along y and along x
walls  (z, y, x) weights of the walls beside a velocity

w, the preconditioned vector, is in single precision always, as the cycles are.
"""

from typing import Any

import numpy as np

from recon.plugins.compiling import kernel, subroutine
from recon.plugins.properties.diffusion.kernels import FAST, compiled, inlined, join_row

called: Any = subroutine(fastmath=FAST)
# Sums in the order written: (c - a) + (c - b) is exact where 2 c - (a + b) would be rounded.
ordered: Any = kernel(error_model="numpy", fastmath={"contract", "nsz"})


@inlined
def neighbours(z, y, u, b, bonds, t):  # type: ignore[no-untyped-def]
    """Row t = b + the neighbours' part of the viscous matrix times u."""
    nz, ny, nx = u.shape
    below, south = (z - 1 if z > 0 else nz - 1), (y - 1 if y > 0 else ny - 1)
    above, north = (z + 1 if z < nz - 1 else 0), (y + 1 if y < ny - 1 else 0)
    down, up, side, along = bonds[z, 0], bonds[z, 1], bonds[z, 2], bonds[z, 3]
    here, right, a, b_ = u[z, y], b[z, y], u[below, y], u[above, y]
    n, s = u[z, north], u[z, south]
    for x in range(nx):
        t[x] = right[x] + down * a[x] + up * b_[x] + side * (n[x] + s[x])
    for x in range(1, nx - 1):
        t[x] += along * (here[x - 1] + here[x + 1])
    for x in range(0, nx, max(nx - 1, 1)):
        left, next = (x - 1 if x > 0 else nx - 1), (x + 1 if x < nx - 1 else 0)
        t[x] += along * (here[left] + here[next])


@compiled
def smooth(first, last, u, b, bonds, inverse, omega, out):  # type: ignore[no-untyped-def]
    """`diffusion.kernels.smooth` for a velocity, u and inverse being zero where there is none."""
    for z in range(first, last):
        for y in range(u.shape[1]):
            t, here, by = out[z, y], u[z, y], inverse[z, y]
            neighbours(z, y, u, b, bonds, t)
            for x in range(t.size):
                t[x] = here[x] + omega * (t[x] * by[x] - here[x])


@compiled
def restrict(first, last, u, b, bonds, inverse, joined, coarse):  # type: ignore[no-untyped-def]
    """`diffusion.kernels.restrict` for a velocity."""
    nz, ny, nx = u.shape
    kz = joined[0]
    t = np.empty(nx, u.dtype)
    coarse[first:last] = 0
    for z in range(first * kz, min(last * kz, nz)):
        for y in range(ny):
            neighbours(z, y, u, b, bonds, t)
            join_row(z, y, u[z, y], inverse[z, y], joined, t, coarse)


@called
def product(a, b):  # type: ignore[no-untyped-def]
    """a . b of two rows."""
    total = a[0] * b[0]
    for x in range(1, a.size):
        total += a[x] * b[x]
    return total


@ordered
def viscous(first, last, w, d, exists, walls, bonds, Aw, sums):  # type: ignore[no-untyped-def]
    """Aw = the viscous matrix times one component, by differences; sums[z] = d . Aw."""
    nz, ny, nx = w.shape
    exact = Aw.dtype.type
    for z in range(first, last):
        below, above = (z - 1 if z > 0 else nz - 1), (z + 1 if z < nz - 1 else 0)
        down, up, side, along = bonds[z, 0], bonds[z, 1], bonds[z, 2], bonds[z, 3]
        total = 0.0
        for y in range(ny):
            south, north = (y - 1 if y > 0 else ny - 1), (y + 1 if y < ny - 1 else 0)
            t, here, e, wall = Aw[z, y], w[z, y], exists[z, y], walls[z, y]
            a, b, n, s = w[below, y], w[above, y], w[z, north], w[z, south]
            for x in range(1, nx - 1):
                c = exact(here[x])
                flow = wall[x] * c + down * (c - a[x]) + up * (c - b[x])
                flow += side * ((c - n[x]) + (c - s[x]))
                t[x] = e[x] * (flow + along * ((c - here[x - 1]) + (c - here[x + 1])))
            for x in range(0, nx, max(nx - 1, 1)):
                left, right = (x - 1 if x > 0 else nx - 1), (x + 1 if x < nx - 1 else 0)
                c = exact(here[x])
                flow = wall[x] * c + down * (c - a[x]) + up * (c - b[x])
                flow += side * ((c - n[x]) + (c - s[x]))
                t[x] = e[x] * (flow + along * ((c - here[left]) + (c - here[right])))
            total += product(d[z, y], t)
        sums[z] = total


@compiled
def diverge(first, last, u, p, minus, cells, stretch, t, single, sums):  # type: ignore[no-untyped-def]
    """t = single = div u - minus, div in the fluid; sums[z] = p . t."""
    nz, ny, nx = cells.shape
    exact = t.dtype.type
    for z in range(first, last):
        below = z - 1 if z > 0 else nz - 1
        total = 0.0
        for y in range(ny):
            south = y - 1 if y > 0 else ny - 1
            a, b, c, fluid = u[0, z, y], u[1, z, y], u[2, z, y], cells[z, y]
            down, back, out, less, narrow = (
                u[0, below, y],
                u[1, z, south],
                t[z, y],
                minus[z, y],
                single[z, y],
            )
            for x in range(1, nx):
                flow = stretch[0] * (exact(a[x]) - down[x]) + stretch[1] * (exact(b[x]) - back[x])
                out[x] = fluid[x] * (flow + stretch[2] * (exact(c[x]) - c[x - 1])) - less[x]
            flow = stretch[0] * (exact(a[0]) - down[0]) + stretch[1] * (exact(b[0]) - back[0])
            out[0] = fluid[0] * (flow + stretch[2] * (exact(c[0]) - c[nx - 1])) - less[0]
            for x in range(nx):
                narrow[x] = out[x]
            total += product(p[z, y], out)
        sums[z] = total


@compiled
def load(first, last, d, p, axis, Ad, exists, stretch, factor, q, single, sums):  # type: ignore[no-untyped-def]
    """q = Ad + the gradient of p along an axis, single = factor q; sums[z] = d . q."""
    nz, ny, nx = p.shape
    for z in range(first, last):
        above = z + 1 if z < nz - 1 else 0
        total = 0.0
        for y in range(ny):
            north = y + 1 if y < ny - 1 else 0
            here, upper = p[z, y], p[above, y] if axis == 0 else p[z, north]
            t, add, e, narrow = q[z, y], Ad[z, y], exists[z, y], single[z, y]
            if axis < 2:
                for x in range(nx):
                    t[x] = add[x] + stretch * e[x] * (here[x] - upper[x])
            else:
                for x in range(nx - 1):
                    t[x] = add[x] + stretch * e[x] * (here[x] - here[x + 1])
                t[nx - 1] = add[nx - 1] + stretch * e[nx - 1] * (here[nx - 1] - here[0])
            for x in range(nx):
                narrow[x] = factor * t[x]
            total += product(d[z, y], t)
        sums[z] = total


@compiled
def advance(first, last, alpha, force, d, q, w, Aw, u, r, v, Av, sums):  # type: ignore[no-untyped-def]
    """One component: u += alpha d, r -= alpha q, v -= alpha w, Av -= alpha Aw.

    sums[z] += v . Av - v . r, force . u + u . r, r . r of the plane.
    """
    nx = u.shape[2]
    for z in range(first, last):
        norm, work, square = 0.0, 0.0, 0.0
        push = force[z]
        for y in range(u.shape[1]):
            step, column, out, rest = d[z, y], u[z, y], q[z, y], r[z, y]
            w_row, v_row, Aw_row, Av_row = w[z, y], v[z, y], Aw[z, y], Av[z, y]
            for x in range(nx):
                column[x] += alpha * step[x]
                rest[x] -= alpha * out[x]
            for x in range(nx):
                v_row[x] -= alpha * w_row[x]
                Av_row[x] -= alpha * Aw_row[x]
            a, b, c = push * column[0], rest[0] * rest[0], v_row[0] * (Av_row[0] - rest[0])
            for x in range(1, nx):
                a += push * column[x]
                b += rest[x] * rest[x]
                c += v_row[x] * (Av_row[x] - rest[x])
            work += a + product(column, rest)
            square += b
            norm += c
        sums[z, 0] += norm
        sums[z, 1] += work
        sums[z, 2] += square


@compiled
def advance_pressure(first, last, alpha, d, q, cells, smooth, bw, p, r, v, bv, sums):  # type: ignore[no-untyped-def]
    """p += alpha d, r -= alpha q, v -= alpha (bw + smooth) in the fluid, bv -= alpha bw.

    sums[z] = v . bv, p . r, r . r of the plane.
    """
    ny, nx = p.shape[1:]
    for z in range(first, last):
        norm, work, square = 0.0, 0.0, 0.0
        for y in range(ny):
            step, column, out, rest = d[z, y], p[z, y], q[z, y], r[z, y]
            c, s, bw_row, v_row, bv_row = cells[z, y], smooth[z, y], bw[z, y], v[z, y], bv[z, y]
            for x in range(nx):
                column[x] += alpha * step[x]
                rest[x] -= alpha * out[x]
            for x in range(nx):
                v_row[x] -= alpha * c[x] * (bw_row[x] + s[x])
                bv_row[x] -= alpha * bw_row[x]
            norm += product(v_row, bv_row)
            work += product(column, rest)
            square += product(rest, rest)
        sums[z, 0] = norm
        sums[z, 1] = work
        sums[z, 2] = square


@compiled
def turn(first, last, beta, v, d):  # type: ignore[no-untyped-def]
    """d = v + beta d of one field."""
    for z in range(first, last):
        for y in range(v.shape[1]):
            a, b = v[z, y], d[z, y]
            for x in range(a.size):
                b[x] = a[x] + beta * b[x]
