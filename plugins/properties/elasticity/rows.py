"""One row of trilinear elements at a time: the arithmetic of K u for voxels.

An element has eight nodes. In the basis of the trilinear modes 1, x, y, z, xy, xz, yz, xyz
(sums and differences over its corners: a Walsh-Hadamard transform) a derivative maps a mode to
one other and different modes are orthogonal, so that K needs 42 products for an orthotropic
material where the 24 x 24 matrix needs 576. The transforms along z and y are shared by the
elements of a row, the one along x by its neighbours.

All rows live in one flat scratch array, WIDTH apart. Functions take slices of it first and index
these from 0: only then does LLVM turn the loops into vector instructions (an index that might be
negative brings numba's wrap-around check; a row of a bigger array brings checks for aliasing).
"""

from typing import Any

from numba import njit

TILE = 64  # nodes of a row that are worked on together
WIDTH = 72  # length of a scratch row: TILE + 2, and a multiple of 8

MODES = 0  # 12 rows: per component the sums over (z, y) corners 1, y, z, yz
MODULI = 12 * WIDTH  # 21 rows
STRESS = 33 * WIDTH  # 21 rows: per component the forces on modes x, y, z, xy, xz, yz, xyz
FORCE = 54 * WIDTH  # 3 rows: nodes on the upper side of the layer
RESULT = 57 * WIDTH  # 3 rows: nodes on the lower side, finished
BLOCK = 60 * WIDTH  # 6 rows: inverse diagonal blocks xx, yy, zz, yz, xz, xy
SPARE = 66 * WIDTH  # 6 rows: copies, since only rows at constant places let a loop be vectorized
CASES = 72 * WIDTH  # then 12 rows for every load case
CARRY = 0  # of a case, 6 rows: per component the force on the next row of nodes, below and above
BEFORE = 6 * WIDTH  # of a case, 6 rows: per component sum and difference of the last row of nodes
PER_CASE = 12 * WIDTH

row = njit(fastmath={"contract", "nsz"}, error_model="numpy", cache=True)


@row
def load_moduli(s: Any, index: Any, at: int, table: Any, x0: int, n: int, X: int) -> None:
    """Moduli of elements x0 - 1 .. x0 + n - 2 of the row that begins at `at`."""
    labels = index[at : at + X]
    moduli = s[MODULI : MODULI + 21 * WIDTH]
    first = labels[x0 - 1 if x0 > 0 else X - 1]
    rest = labels[x0 : x0 + n - 1]
    for m in range(table.shape[1]):
        moduli[m * WIDTH] = table[first, m]
        target = moduli[m * WIDTH + 1 : m * WIDTH + WIDTH]
        for j in range(n - 1):
            target[j] = table[rest[j], m]


@row
def load_stress(s: Any, index: Any, at: int, table: Any, c: int, x0: int, n: int, X: int) -> None:
    """Forces of a given stress in every element: six columns of the table from 6 c on."""
    labels = index[at : at + X]
    out = s[STRESS : STRESS + 21 * WIDTH]
    for j in range(n):
        x = x0 - 1 + j
        k = labels[x if x >= 0 else X - 1]
        xx, yy, zz = table[k, 6 * c], table[k, 6 * c + 1], table[k, 6 * c + 2]
        yz, xz, xy = table[k, 6 * c + 3], table[k, 6 * c + 4], table[k, 6 * c + 5]
        out[j], out[WIDTH + j], out[2 * WIDTH + j] = xx, xy, xz
        out[7 * WIDTH + j], out[8 * WIDTH + j], out[9 * WIDTH + j] = xy, yy, yz
        out[14 * WIDTH + j], out[15 * WIDTH + j], out[16 * WIDTH + j] = xz, yz, zz
        for i in range(3):
            for m in range(3, 7):
                out[(7 * i + m) * WIDTH + j] = 0


@row
def load_modes(s: Any, k: int, u: Any, a: int, b: int, x0: int, n: int, X: int) -> None:
    """Three components between the last row of nodes and that at a (below) and b (above)."""
    W, new, old, m = WIDTH, STRESS, SPARE, MODES
    before = s[k : k + 6 * WIDTH]
    for i in range(3):
        low, high = u[a + i * X : a + (i + 1) * X], u[b + i * X : b + (i + 1) * X]
        p, q = low[x0 : x0 + n - 1], high[x0 : x0 + n - 1]
        sums = s[STRESS + 2 * WIDTH * i : STRESS + 2 * WIDTH * (i + 1)]
        for j in range(n - 1):
            sums[1 + j] = q[j] + p[j]
            sums[WIDTH + 1 + j] = q[j] - p[j]
        x = x0 - 1 if x0 > 0 else X - 1
        sums[0], sums[WIDTH] = high[x] + low[x], high[x] - low[x]
        x = x0 + n - 1 if x0 + n - 1 < X else 0
        sums[n], sums[WIDTH + n] = high[x] + low[x], high[x] - low[x]
    for j in range(6 * W):
        s[old + j] = before[j]
    for j in range(n + 1):
        p, q = s[new + 0 * W + j], s[new + 1 * W + j]
        t, v = s[old + 0 * W + j], s[old + 1 * W + j]
        s[m + 0 * W + j], s[m + 1 * W + j] = p + t, p - t
        s[m + 2 * W + j], s[m + 3 * W + j] = q + v, q - v
        p, q = s[new + 2 * W + j], s[new + 3 * W + j]
        t, v = s[old + 2 * W + j], s[old + 3 * W + j]
        s[m + 4 * W + j], s[m + 5 * W + j] = p + t, p - t
        s[m + 6 * W + j], s[m + 7 * W + j] = q + v, q - v
        p, q = s[new + 4 * W + j], s[new + 5 * W + j]
        t, v = s[old + 4 * W + j], s[old + 5 * W + j]
        s[m + 8 * W + j], s[m + 9 * W + j] = p + t, p - t
        s[m + 10 * W + j], s[m + 11 * W + j] = q + v, q - v
    for j in range(6 * W):
        before[j] = s[new + j]


@row
def orthotropic(s: Any, n: int, third: float, ninth: float) -> None:
    """Forces on the modes of n elements, axes of the material along those of the grid."""
    W, u, C, f = WIDTH, MODES, MODULI, STRESS
    for j in range(n):
        a, b = s[u + j], s[u + j + 1]
        x_x = b - a
        a, b = s[u + W + j], s[u + W + j + 1]
        x_y, x_xy = a + b, b - a
        a, b = s[u + 2 * W + j], s[u + 2 * W + j + 1]
        x_z, x_xz = a + b, b - a
        a, b = s[u + 3 * W + j], s[u + 3 * W + j + 1]
        x_yz, x_xyz = a + b, b - a
        a, b = s[u + 4 * W + j], s[u + 4 * W + j + 1]
        y_x = b - a
        a, b = s[u + 5 * W + j], s[u + 5 * W + j + 1]
        y_y, y_xy = a + b, b - a
        a, b = s[u + 6 * W + j], s[u + 6 * W + j + 1]
        y_z, y_xz = a + b, b - a
        a, b = s[u + 7 * W + j], s[u + 7 * W + j + 1]
        y_yz, y_xyz = a + b, b - a
        a, b = s[u + 8 * W + j], s[u + 8 * W + j + 1]
        z_x = b - a
        a, b = s[u + 9 * W + j], s[u + 9 * W + j + 1]
        z_y, z_xy = a + b, b - a
        a, b = s[u + 10 * W + j], s[u + 10 * W + j + 1]
        z_z, z_xz = a + b, b - a
        a, b = s[u + 11 * W + j], s[u + 11 * W + j + 1]
        z_yz, z_xyz = a + b, b - a
        c11, c22, c33 = s[C + j], s[C + W + j], s[C + 2 * W + j]
        c23, c13, c12 = s[C + 3 * W + j], s[C + 4 * W + j], s[C + 5 * W + j]
        c44, c55, c66 = s[C + 6 * W + j], s[C + 7 * W + j], s[C + 8 * W + j]
        s4, s5, s6 = c44 * (y_z + z_y), c55 * (x_z + z_x), c66 * (x_y + y_x)
        t4, t5, t6 = c44 * (y_xz + z_xy), c55 * (x_yz + z_xy), c66 * (x_yz + y_xz)
        s[f + j] = c11 * x_x + c12 * y_y + c13 * z_z
        s[f + W + j] = s6
        s[f + 2 * W + j] = s5
        s[f + 3 * W + j] = ((c66 + c11) * x_xy + c13 * z_yz) * third
        s[f + 4 * W + j] = ((c55 + c11) * x_xz + c12 * y_yz) * third
        s[f + 5 * W + j] = (t5 + t6) * third
        s[f + 6 * W + j] = x_xyz * (c11 + c55 + c66) * ninth
        s[f + 7 * W + j] = s6
        s[f + 8 * W + j] = c12 * x_x + c22 * y_y + c23 * z_z
        s[f + 9 * W + j] = s4
        s[f + 10 * W + j] = ((c22 + c66) * y_xy + c23 * z_xz) * third
        s[f + 11 * W + j] = (t4 + t6) * third
        s[f + 12 * W + j] = ((c44 + c22) * y_yz + c12 * x_xz) * third
        s[f + 13 * W + j] = y_xyz * (c22 + c44 + c66) * ninth
        s[f + 14 * W + j] = s5
        s[f + 15 * W + j] = s4
        s[f + 16 * W + j] = c13 * x_x + c23 * y_y + c33 * z_z
        s[f + 17 * W + j] = (t4 + t5) * third
        s[f + 18 * W + j] = ((c33 + c55) * z_xz + c23 * y_xy) * third
        s[f + 19 * W + j] = ((c33 + c44) * z_yz + c13 * x_xy) * third
        s[f + 20 * W + j] = z_xyz * (c33 + c44 + c55) * ninth


@row
def anisotropic_mean(s: Any, n: int) -> None:
    """Forces of the mean strain on the modes x, y, z, any 21 moduli."""
    W, u, C, f = WIDTH, MODES, MODULI, STRESS
    for j in range(n):
        e1 = s[u + j + 1] - s[u + j]
        e2 = s[u + 5 * W + j] + s[u + 5 * W + j + 1]
        e3 = s[u + 10 * W + j] + s[u + 10 * W + j + 1]
        e4 = s[u + 6 * W + j] + s[u + 6 * W + j + 1] + s[u + 9 * W + j] + s[u + 9 * W + j + 1]
        e5 = s[u + 2 * W + j] + s[u + 2 * W + j + 1] + s[u + 8 * W + j + 1] - s[u + 8 * W + j]
        e6 = s[u + W + j] + s[u + W + j + 1] + s[u + 4 * W + j + 1] - s[u + 4 * W + j]
        c11, c22, c33 = s[C + j], s[C + W + j], s[C + 2 * W + j]
        c23, c13, c12 = s[C + 3 * W + j], s[C + 4 * W + j], s[C + 5 * W + j]
        c44, c55, c66 = s[C + 6 * W + j], s[C + 7 * W + j], s[C + 8 * W + j]
        c14, c15, c16 = s[C + 9 * W + j], s[C + 10 * W + j], s[C + 11 * W + j]
        c24, c25, c26 = s[C + 12 * W + j], s[C + 13 * W + j], s[C + 14 * W + j]
        c34, c35, c36 = s[C + 15 * W + j], s[C + 16 * W + j], s[C + 17 * W + j]
        c45, c46, c56 = s[C + 18 * W + j], s[C + 19 * W + j], s[C + 20 * W + j]
        s4 = c14 * e1 + c24 * e2 + c34 * e3 + c44 * e4 + c45 * e5 + c46 * e6
        s5 = c15 * e1 + c25 * e2 + c35 * e3 + c45 * e4 + c55 * e5 + c56 * e6
        s6 = c16 * e1 + c26 * e2 + c36 * e3 + c46 * e4 + c56 * e5 + c66 * e6
        s[f + j] = c11 * e1 + c12 * e2 + c13 * e3 + c14 * e4 + c15 * e5 + c16 * e6
        s[f + W + j] = s6
        s[f + 2 * W + j] = s5
        s[f + 7 * W + j] = s6
        s[f + 8 * W + j] = c12 * e1 + c22 * e2 + c23 * e3 + c24 * e4 + c25 * e5 + c26 * e6
        s[f + 9 * W + j] = s4
        s[f + 14 * W + j] = s5
        s[f + 15 * W + j] = s4
        s[f + 16 * W + j] = c13 * e1 + c23 * e2 + c33 * e3 + c34 * e4 + c35 * e5 + c36 * e6


@row
def anisotropic_rest(s: Any, n: int, third: float, ninth: float) -> None:
    """Forces of the varying strain on the modes xy, xz, yz, xyz, any 21 moduli."""
    W, u, C, f = WIDTH, MODES, MODULI, STRESS
    for j in range(n):
        x_xy, x_xz = s[u + W + j + 1] - s[u + W + j], s[u + 2 * W + j + 1] - s[u + 2 * W + j]
        x_yz, x_xyz = (
            s[u + 3 * W + j] + s[u + 3 * W + j + 1],
            s[u + 3 * W + j + 1] - s[u + 3 * W + j],
        )
        y_xy, y_xz = (
            s[u + 5 * W + j + 1] - s[u + 5 * W + j],
            s[u + 6 * W + j + 1] - s[u + 6 * W + j],
        )
        y_yz, y_xyz = (
            s[u + 7 * W + j] + s[u + 7 * W + j + 1],
            s[u + 7 * W + j + 1] - s[u + 7 * W + j],
        )
        z_xy, z_xz = (
            s[u + 9 * W + j + 1] - s[u + 9 * W + j],
            s[u + 10 * W + j + 1] - s[u + 10 * W + j],
        )
        z_yz, z_xyz = (
            s[u + 11 * W + j] + s[u + 11 * W + j + 1],
            s[u + 11 * W + j + 1] - s[u + 11 * W + j],
        )
        c11, c22, c33 = s[C + j], s[C + W + j], s[C + 2 * W + j]
        c23, c13, c12 = s[C + 3 * W + j], s[C + 4 * W + j], s[C + 5 * W + j]
        c44, c55, c66 = s[C + 6 * W + j], s[C + 7 * W + j], s[C + 8 * W + j]
        c14, c15, c16 = s[C + 9 * W + j], s[C + 10 * W + j], s[C + 11 * W + j]
        c24, c25, c26 = s[C + 12 * W + j], s[C + 13 * W + j], s[C + 14 * W + j]
        c34, c35, c36 = s[C + 15 * W + j], s[C + 16 * W + j], s[C + 17 * W + j]
        c45, c46, c56 = s[C + 18 * W + j], s[C + 19 * W + j], s[C + 20 * W + j]
        # strain that varies along x: no xx part
        e4 = y_xz + z_xy
        p2 = c22 * y_xy + c23 * z_xz + c24 * e4 + c25 * x_xz + c26 * x_xy
        p3 = c23 * y_xy + c33 * z_xz + c34 * e4 + c35 * x_xz + c36 * x_xy
        p4 = c24 * y_xy + c34 * z_xz + c44 * e4 + c45 * x_xz + c46 * x_xy
        p5 = c25 * y_xy + c35 * z_xz + c45 * e4 + c55 * x_xz + c56 * x_xy
        p6 = c26 * y_xy + c36 * z_xz + c46 * e4 + c56 * x_xz + c66 * x_xy
        # along y: no yy part
        e5 = x_yz + z_xy
        q1 = c11 * x_xy + c13 * z_yz + c14 * y_yz + c15 * e5 + c16 * y_xy
        q3 = c13 * x_xy + c33 * z_yz + c34 * y_yz + c35 * e5 + c36 * y_xy
        q4 = c14 * x_xy + c34 * z_yz + c44 * y_yz + c45 * e5 + c46 * y_xy
        q5 = c15 * x_xy + c35 * z_yz + c45 * y_yz + c55 * e5 + c56 * y_xy
        q6 = c16 * x_xy + c36 * z_yz + c46 * y_yz + c56 * e5 + c66 * y_xy
        # along z: no zz part
        e6 = x_yz + y_xz
        r1 = c11 * x_xz + c12 * y_yz + c14 * z_yz + c15 * z_xz + c16 * e6
        r2 = c12 * x_xz + c22 * y_yz + c24 * z_yz + c25 * z_xz + c26 * e6
        r4 = c14 * x_xz + c24 * y_yz + c44 * z_yz + c45 * z_xz + c46 * e6
        r5 = c15 * x_xz + c25 * y_yz + c45 * z_yz + c55 * z_xz + c56 * e6
        r6 = c16 * x_xz + c26 * y_yz + c46 * z_yz + c56 * z_xz + c66 * e6
        s[f + 3 * W + j], s[f + 4 * W + j], s[f + 5 * W + j] = (
            (p6 + q1) * third,
            (p5 + r1) * third,
            (q5 + r6) * third,
        )
        s[f + 10 * W + j], s[f + 11 * W + j], s[f + 12 * W + j] = (
            (p2 + q6) * third,
            (p4 + r6) * third,
            (q4 + r2) * third,
        )
        s[f + 17 * W + j], s[f + 18 * W + j], s[f + 19 * W + j] = (
            (p4 + q5) * third,
            (p3 + r5) * third,
            (q3 + r4) * third,
        )
        xx, yy, zz = c11 + c55 + c66, c22 + c44 + c66, c33 + c44 + c55
        xy, xz, yz = c16 + c26 + c45, c15 + c35 + c46, c24 + c34 + c56
        s[f + 6 * W + j] = (xx * x_xyz + xy * y_xyz + xz * z_xyz) * ninth
        s[f + 13 * W + j] = (xy * x_xyz + yy * y_xyz + yz * z_xyz) * ninth
        s[f + 20 * W + j] = (xz * x_xyz + yz * y_xyz + zz * z_xyz) * ninth


@row
def gather(s: Any, k: int, plane: Any, at: int, X: int, n: int) -> None:
    """Forces on n - 1 nodes between n elements: with what the row before and the layer below
    left for them; leaves the rest to the next row and the layer above."""
    W, f, low, high, new, old = WIDTH, STRESS, RESULT, FORCE, MODES, SPARE
    carry = s[k : k + 6 * WIDTH]
    for j in range(6 * W):
        s[old + j] = carry[j]
    for j in range(n - 1):
        a, b = s[f + 1 * W + j], s[f + 1 * W + j + 1]
        c, d = s[f + 2 * W + j], s[f + 2 * W + j + 1]
        e, g = s[f + 5 * W + j], s[f + 5 * W + j + 1]
        p = s[f + 0 * W + j] - s[f + 0 * W + j + 1]
        q = a + b + s[f + 3 * W + j] - s[f + 3 * W + j + 1]
        t = c + d + s[f + 4 * W + j] - s[f + 4 * W + j + 1]
        v = e + g + s[f + 6 * W + j] - s[f + 6 * W + j + 1]
        s[low + 0 * W + j] = s[old + 0 * W + j] + (p - t) - (q - v)
        s[high + 0 * W + j] = s[old + 1 * W + j] + (p + t) - (q + v)
        s[new + 0 * W + j], s[new + 1 * W + j] = (p - t) + (q - v), (p + t) + (q + v)
        a, b = s[f + 8 * W + j], s[f + 8 * W + j + 1]
        c, d = s[f + 9 * W + j], s[f + 9 * W + j + 1]
        e, g = s[f + 12 * W + j], s[f + 12 * W + j + 1]
        p = s[f + 7 * W + j] - s[f + 7 * W + j + 1]
        q = a + b + s[f + 10 * W + j] - s[f + 10 * W + j + 1]
        t = c + d + s[f + 11 * W + j] - s[f + 11 * W + j + 1]
        v = e + g + s[f + 13 * W + j] - s[f + 13 * W + j + 1]
        s[low + 1 * W + j] = s[old + 2 * W + j] + (p - t) - (q - v)
        s[high + 1 * W + j] = s[old + 3 * W + j] + (p + t) - (q + v)
        s[new + 2 * W + j], s[new + 3 * W + j] = (p - t) + (q - v), (p + t) + (q + v)
        a, b = s[f + 15 * W + j], s[f + 15 * W + j + 1]
        c, d = s[f + 16 * W + j], s[f + 16 * W + j + 1]
        e, g = s[f + 19 * W + j], s[f + 19 * W + j + 1]
        p = s[f + 14 * W + j] - s[f + 14 * W + j + 1]
        q = a + b + s[f + 17 * W + j] - s[f + 17 * W + j + 1]
        t = c + d + s[f + 18 * W + j] - s[f + 18 * W + j + 1]
        v = e + g + s[f + 20 * W + j] - s[f + 20 * W + j + 1]
        s[low + 2 * W + j] = s[old + 4 * W + j] + (p - t) - (q - v)
        s[high + 2 * W + j] = s[old + 5 * W + j] + (p + t) - (q + v)
        s[new + 4 * W + j], s[new + 5 * W + j] = (p - t) + (q - v), (p + t) + (q + v)
    for j in range(6 * W):
        carry[j] = s[new + j]
    for i in range(3):
        layer = plane[at + i * X : at + i * X + n - 1]
        below, above = s[RESULT + WIDTH * i :], s[FORCE + WIDTH * i :]
        for j in range(n - 1):
            left = layer[j]
            layer[j] = above[j]
            below[j] += left


@row
def store(s: Any, out: Any, at: int, X: int, n: int) -> None:
    """Store the result."""
    for i in range(3):
        result, target = s[RESULT + WIDTH * i :], out[at + i * X : at + i * X + n]
        for j in range(n):
            target[j] = result[j]


@row
def store_residual(s: Any, b: Any, out: Any, at: int, X: int, n: int) -> None:
    """Store b minus the result."""
    for i in range(3):
        result, target = s[RESULT + WIDTH * i :], out[at + i * X : at + i * X + n]
        given = b[at + i * X : at + i * X + n]
        for j in range(n):
            target[j] = given[j] - result[j]


@row
def load_block(s: Any, blocks: Any, at: int, n: int, X: int) -> None:
    """Inverse diagonal blocks of a row of nodes."""
    for m in range(6):
        source, target = blocks[at + m * X : at + m * X + n], s[BLOCK + WIDTH * m :]
        for j in range(n):
            target[j] = source[j]


@row
def store_relaxed(s: Any, weight: float, u: Any, b: Any, out: Any, at: int, X: int, n: int) -> None:
    """Store u plus weight times the inverse block times b minus the result."""
    W, r, d, t = WIDTH, RESULT, BLOCK, STRESS
    b0, b1, b2 = b[at : at + n], b[at + X : at + X + n], b[at + 2 * X : at + 2 * X + n]
    for j in range(n):
        p = (b0[j] - s[r + j]) * weight
        q = (b1[j] - s[r + W + j]) * weight
        v = (b2[j] - s[r + 2 * W + j]) * weight
        s[t + j] = s[d + j] * p + s[d + 5 * W + j] * q + s[d + 4 * W + j] * v
        s[t + W + j] = s[d + 5 * W + j] * p + s[d + W + j] * q + s[d + 3 * W + j] * v
        s[t + 2 * W + j] = s[d + 4 * W + j] * p + s[d + 3 * W + j] * q + s[d + 2 * W + j] * v
    for i in range(3):
        correction, target = s[t + W * i : t + W * i + n], out[at + i * X : at + i * X + n]
        source = u[at + i * X : at + i * X + n]
        for j in range(n):
            target[j] = source[j] + correction[j]
