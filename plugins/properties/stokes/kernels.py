"""Loops over the planes first..last-1 of the staggered grid, for numba.

As in `diffusion.kernels`: rows along x without branches, each plane writes to itself only and
keeps its own sums. Velocities that do not exist are zero everywhere.
"""

from recon.plugins.properties.diffusion.kernels import compiled, inlined


@inlined
def viscous(z, y, component, u, exists, beside, layers, scale, t):  # type: ignore[no-untyped-def]
    """Row t of the viscous matrix times one component."""
    nz, ny, nx = u.shape
    below, south = (z - 1 if z > 0 else nz - 1), (y - 1 if y > 0 else ny - 1)
    above, north = (z + 1 if z < nz - 1 else 0), (y + 1 if y < ny - 1 else 0)
    down, up = scale[0] * layers[component, 0, z], scale[0] * layers[component, 1, z]
    sy, sx = scale[1] * layers[component, 2, z], scale[2] * layers[component, 2, z]
    wall_z = 0.0 if component == 0 else 1.0
    wall_y = 0.0 if component == 1 else 1.0
    wall_x = 0.0 if component == 2 else 1.0
    here, e, near = u[z, y], exists[z, y], beside[z, y]
    a, b, ea, eb = u[below, y], u[above, y], beside[below, y], beside[above, y]
    for x in range(nx):
        lost = (down + up) * (1 + wall_z) - wall_z * (down * ea[x] + up * eb[x])
        t[x] = lost * here[x] - down * a[x] - up * b[x]
    a, b, ea, eb = u[z, south], u[z, north], beside[z, south], beside[z, north]
    for x in range(nx):
        t[x] += sy * ((2 + wall_y * (2.0 - ea[x] - eb[x])) * here[x] - a[x] - b[x])
    for x in range(1, nx - 1):
        lost = 2 + wall_x * (2.0 - near[x - 1] - near[x + 1])
        t[x] += sx * (lost * here[x] - here[x - 1] - here[x + 1])
    for x in range(0, nx, max(nx - 1, 1)):
        left, right = (x - 1 if x > 0 else nx - 1), (x + 1 if x < nx - 1 else 0)
        lost = 2 + wall_x * (2.0 - near[left] - near[right])
        t[x] += sx * (lost * here[x] - here[left] - here[right])
    for x in range(nx):
        t[x] *= e[x]


@inlined
def diverge(z, y, u, cells, stretch, t):  # type: ignore[no-untyped-def]
    """Row t of the divergence, in the fluid."""
    nz, ny, nx = cells.shape
    below, south = (z - 1 if z > 0 else nz - 1), (y - 1 if y > 0 else ny - 1)
    a, b, c = u[0, z, y], u[1, z, y], u[2, z, y]
    a_down, b_down = u[0, below, y], u[1, z, south]
    for x in range(nx):
        t[x] = stretch[0] * (a[x] - a_down[x]) + stretch[1] * (b[x] - b_down[x])
    for x in range(1, nx):
        t[x] += stretch[2] * (c[x] - c[x - 1])
    t[0] += stretch[2] * (c[0] - c[nx - 1])
    for x in range(nx):
        t[x] *= cells[z, y, x]


@compiled
def load(first, last, d, p, Ad, exists, cells, stretch, q, qp, single, sums):  # type: ignore[no-untyped-def]
    """(q, qp) = the whole matrix times (d, p); sums[z] = d . q of the plane."""
    nz, ny, nx = p.shape
    for z in range(first, last):
        above = z + 1 if z < nz - 1 else 0
        total = 0.0
        for y in range(ny):
            north = y + 1 if y < ny - 1 else 0
            here = p[z, y]
            for n in range(3):
                t = q[n, z, y]
                if n < 2:
                    upper = p[above, y] if n == 0 else p[z, north]
                    for x in range(nx):
                        t[x] = here[x] - upper[x]
                else:
                    for x in range(nx - 1):
                        t[x] = here[x] - here[x + 1]
                    t[nx - 1] = here[nx - 1] - here[0]
                add, e, narrow, by = Ad[n, z, y], exists[n, z, y], single[n, z, y], d[n, z, y]
                for x in range(nx):
                    t[x] = add[x] + stretch[n] * e[x] * t[x]
                for x in range(nx):
                    narrow[x] = t[x]
                for x in range(nx):
                    total += by[x] * t[x]
            diverge(z, y, d, cells, stretch, qp[z, y])
        sums[z] = total


@compiled
def keep(first, last, factor, u, exists, w):  # type: ignore[no-untyped-def]
    """w = factor u where there is a velocity, else 0."""
    for z in range(first, last):
        for y in range(u.shape[1]):
            a, e, out = u[z, y], exists[z, y], w[z, y]
            for x in range(out.size):
                out[x] = factor * e[x] * a[x]


@compiled
def answer(first, last, w, d, p, qp, geometry, Aw, bw, single, sums):  # type: ignore[no-untyped-def]
    """Aw = viscous matrix times w, bw = div w - qp; sums[z] = d . Aw + p . bw of the plane."""
    exists, beside, cells, layers, scale, stretch = geometry
    ny, nx = p.shape[1:]
    for z in range(first, last):
        total = 0.0
        for y in range(ny):
            for n in range(3):
                t, by = Aw[n, z, y], d[n, z, y]
                viscous(z, y, n, w[n], exists[n], beside[n], layers, scale, t)
                for x in range(nx):
                    total += by[x] * t[x]
            t, by, minus, narrow = bw[z, y], p[z, y], qp[z, y], single[z, y]
            diverge(z, y, w, cells, stretch, t)
            for x in range(nx):
                t[x] -= minus[x]
            for x in range(nx):
                narrow[x] = t[x]
            for x in range(nx):
                total += by[x] * t[x]
        sums[z] = total


@compiled
def advance(first, last, alpha, force, d, q, w, Aw, u, r, v, Av, sums):  # type: ignore[no-untyped-def]
    """Velocities: u += alpha d, r -= alpha q, v -= alpha w, Av -= alpha Aw.

    sums[z] += v . Av - v . r, force . u + u . r, r . r of the plane.
    """
    ny, nx = u.shape[2:]
    for z in range(first, last):
        norm, work, square = 0.0, 0.0, 0.0
        for n in range(3):
            for y in range(ny):
                step, column, out = d[n, z, y], u[n, z, y], q[n, z, y]
                rest, w_row, v_row = r[n, z, y], w[n, z, y], v[n, z, y]
                Aw_row, Av_row = Aw[n, z, y], Av[n, z, y]
                for x in range(nx):
                    column[x] += alpha * step[x]
                    rest[x] -= alpha * out[x]
                for x in range(nx):
                    v_row[x] -= alpha * w_row[x]
                    Av_row[x] -= alpha * Aw_row[x]
                for x in range(nx):
                    norm += v_row[x] * (Av_row[x] - rest[x])
                    work += column[x] * (force[n, z] + rest[x])
                    square += rest[x] * rest[x]
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
            for x in range(nx):
                norm += v_row[x] * bv_row[x]
                work += column[x] * rest[x]
                square += rest[x] * rest[x]
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
