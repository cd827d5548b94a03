"""One row of trilinear elements at a time: the arithmetic of K u for voxels.

An element has eight nodes. In the basis of the trilinear modes 1, x, y, z, xy, xz, yz, xyz
(sums and differences over its corners: a Walsh-Hadamard transform) a derivative maps a mode to
one other and different modes are orthogonal, so that K needs 42 products for an orthotropic
material where the 24 x 24 matrix needs 576. The transforms along z and y are shared by the
elements of a row, the one along x by its neighbours.

All rows live in one flat scratch array, WIDTH apart; those of a displacement component lie
together, so that one function serves all three. Functions take slices of the array and index
these from 0 by constants: only then does LLVM turn the loops into vector instructions (an index
that might be negative brings numba's wrap-around check; rows at places that are not constant
bring checks for aliasing).
"""

from typing import Any

from recon.plugins.compiling import subroutine

TILE = 64  # nodes of a row that are worked on together
WIDTH = 72  # length of a scratch row: TILE + 2, and a multiple of 8

# The forces along x, y, z on the nodes on the lower side of the layer, finished; on those on its
# upper side; on the modes x, y, z, xy, xz, yz, xyz.
LOWER, UPPER, FORCES, MODES = 0, 3 * WIDTH, 6 * WIDTH, 27 * WIDTH
FX_X, FX_Y, FX_Z, FX_XY, FX_XZ, FX_YZ, FX_XYZ, *REST = range(FORCES, MODES, WIDTH)
FY_X, FY_Y, FY_Z, FY_XY, FY_XZ, FY_YZ, FY_XYZ, *REST = REST
FZ_X, FZ_Y, FZ_Z, FZ_XY, FZ_XZ, FZ_YZ, FZ_XYZ = REST
# Of the displacement u, 4 rows, then of v and w: the sums over (z, y) corners 1, y, z, yz.
NEW, OLD = 39 * WIDTH, 45 * WIDTH
U, U_Y, U_Z, U_YZ, V, V_Y, V_Z, V_YZ, W, W_Y, W_Z, W_YZ = range(MODES, NEW, WIDTH)
# Then of every component 2 rows of what is new at this row of nodes, and of what the last left.
# 21 moduli, 6 numbers of the inverse diagonal blocks, and 21 moduli for the varying strain where
# it has its own: APART from the others.
MODULI, BLOCK, VARYING, CASES = 51 * WIDTH, 72 * WIDTH, 78 * WIDTH, 99 * WIDTH
APART = VARYING - MODULI
C11, C22, C33, C23, C13, C12, C44, C55, C66, *REST = range(MODULI, BLOCK, WIDTH)
C14, C15, C16, C24, C25, C26, C34, C35, C36, C45, C46, C56 = REST
D11, D22, D33, D23, D13, D12 = range(BLOCK, VARYING, WIDTH)
# Then of every load case, 12 rows: per component the force on the next row of nodes, below and
# above, and the sum and difference of the last.
CARRY, BEFORE, PER_CASE = 0, 6 * WIDTH, 12 * WIDTH

row = subroutine(fastmath={"contract", "nsz"}, error_model="numpy")
element = subroutine(fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True)


def make_load_moduli(apart: int) -> Any:
    """The function that loads moduli, those of the varying strain `apart` from the others."""

    @row
    def load_moduli(s: Any, index: Any, at: int, table: Any, x0: int, n: int, X: int) -> None:
        """Moduli of elements x0 - 1 .. x0 + n - 2 of the row that begins at `at`."""
        labels = index[at : at + X]
        moduli = s[MODULI + apart : MODULI + apart + 21 * WIDTH]
        first = labels[x0 - 1 if x0 > 0 else X - 1]
        rest = labels[x0 : x0 + n - 1]
        for m in range(table.shape[1]):
            moduli[m * WIDTH] = table[first, m]
            target = moduli[m * WIDTH + 1 : m * WIDTH + WIDTH]
            for j in range(n - 1):
                target[j] = table[rest[j], m]

    return load_moduli


load_moduli, load_varying = make_load_moduli(0), make_load_moduli(APART)


@row
def load_modes(s: Any, case: int, u: Any, below: int, above: int, x0: int, n: int, X: int) -> None:
    """Three components between the last row of nodes and those at below and above."""
    left, right = x0 - 1 if x0 > 0 else X - 1, x0 + n - 1 if x0 + n - 1 < X else 0
    for i in range(3):
        new = s[NEW + 2 * WIDTH * i : NEW + 2 * WIDTH * (i + 1)]
        low, high = u[below + i * X : below + (i + 1) * X], u[above + i * X : above + (i + 1) * X]
        p, q = low[x0 : x0 + n - 1], high[x0 : x0 + n - 1]
        for j in range(n - 1):
            new[1 + j], new[WIDTH + 1 + j] = q[j] + p[j], q[j] - p[j]
        new[0], new[WIDTH] = high[left] + low[left], high[left] - low[left]
        new[n], new[WIDTH + n] = high[right] + low[right], high[right] - low[right]
    before = s[case : case + 6 * WIDTH]
    for j in range(6 * WIDTH):
        s[OLD + j] = before[j]
    for j in range(n + 1):
        load_mode(s, U + j, j)
        load_mode(s, V + j, 2 * WIDTH + j)
        load_mode(s, W + j, 4 * WIDTH + j)
    for j in range(6 * WIDTH):
        before[j] = s[NEW + j]


@element
def load_mode(s: Any, mode: int, k: int) -> None:
    """One component at one node."""
    a, b, c, d = s[NEW + k], s[NEW + WIDTH + k], s[OLD + k], s[OLD + WIDTH + k]
    s[mode], s[WIDTH + mode] = a + c, a - c
    s[2 * WIDTH + mode], s[3 * WIDTH + mode] = b + d, b - d


@element
def add(s: Any, k: int) -> Any:
    """Sum of two neighbours along x."""
    return s[k] + s[k + 1]


@element
def subtract(s: Any, k: int) -> Any:
    """Difference of two neighbours along x."""
    return s[k + 1] - s[k]


def make_orthotropic(apart: int) -> Any:
    """The function below, moduli of the varying strain `apart` from the others."""

    @row
    def orthotropic(s: Any, n: int, third: float, ninth: float) -> None:
        """Forces on the modes of n elements, axes of the material along those of the grid."""
        for j in range(n):
            x_x = subtract(s, U + j)
            x_y, x_xy = add(s, U_Y + j), subtract(s, U_Y + j)
            x_z, x_xz = add(s, U_Z + j), subtract(s, U_Z + j)
            x_yz, x_xyz = add(s, U_YZ + j), subtract(s, U_YZ + j)
            y_x = subtract(s, V + j)
            y_y, y_xy = add(s, V_Y + j), subtract(s, V_Y + j)
            y_z, y_xz = add(s, V_Z + j), subtract(s, V_Z + j)
            y_yz, y_xyz = add(s, V_YZ + j), subtract(s, V_YZ + j)
            z_x = subtract(s, W + j)
            z_y, z_xy = add(s, W_Y + j), subtract(s, W_Y + j)
            z_z, z_xz = add(s, W_Z + j), subtract(s, W_Z + j)
            z_yz, z_xyz = add(s, W_YZ + j), subtract(s, W_YZ + j)
            c11, c22, c33 = s[C11 + j], s[C22 + j], s[C33 + j]
            c23, c13, c12 = s[C23 + j], s[C13 + j], s[C12 + j]
            c44, c55, c66 = s[C44 + j], s[C55 + j], s[C66 + j]
            v11, v22, v33 = s[apart + C11 + j], s[apart + C22 + j], s[apart + C33 + j]
            v23, v13, v12 = s[apart + C23 + j], s[apart + C13 + j], s[apart + C12 + j]
            v44, v55, v66 = s[apart + C44 + j], s[apart + C55 + j], s[apart + C66 + j]
            s4, s5, s6 = c44 * (y_z + z_y), c55 * (x_z + z_x), c66 * (x_y + y_x)
            t4, t5, t6 = v44 * (y_xz + z_xy), v55 * (x_yz + z_xy), v66 * (x_yz + y_xz)
            s[FX_X + j] = c11 * x_x + c12 * y_y + c13 * z_z
            s[FX_Y + j] = s6
            s[FX_Z + j] = s5
            s[FX_XY + j] = ((v66 + v11) * x_xy + v13 * z_yz) * third
            s[FX_XZ + j] = ((v55 + v11) * x_xz + v12 * y_yz) * third
            s[FX_YZ + j] = (t5 + t6) * third
            s[FX_XYZ + j] = x_xyz * (v11 + v55 + v66) * ninth
            s[FY_X + j] = s6
            s[FY_Y + j] = c12 * x_x + c22 * y_y + c23 * z_z
            s[FY_Z + j] = s4
            s[FY_XY + j] = ((v22 + v66) * y_xy + v23 * z_xz) * third
            s[FY_XZ + j] = (t4 + t6) * third
            s[FY_YZ + j] = ((v44 + v22) * y_yz + v12 * x_xz) * third
            s[FY_XYZ + j] = y_xyz * (v22 + v44 + v66) * ninth
            s[FZ_X + j] = s5
            s[FZ_Y + j] = s4
            s[FZ_Z + j] = c13 * x_x + c23 * y_y + c33 * z_z
            s[FZ_XY + j] = (t4 + t5) * third
            s[FZ_XZ + j] = ((v33 + v55) * z_xz + v23 * y_xy) * third
            s[FZ_YZ + j] = ((v33 + v44) * z_yz + v13 * x_xy) * third
            s[FZ_XYZ + j] = z_xyz * (v33 + v44 + v55) * ninth

    return orthotropic


orthotropic, orthotropic_apart = make_orthotropic(0), make_orthotropic(APART)


@row
def anisotropic_mean(s: Any, n: int) -> None:
    """Forces of the mean strain on the modes x, y, z, any 21 moduli."""
    for j in range(n):
        k = j + 1
        e1 = subtract(s, U + j)
        e2 = add(s, V_Y + j)
        e3 = add(s, W_Z + j)
        e4 = add(s, V_Z + j) + s[W_Y + j] + s[W_Y + k]
        e5 = add(s, U_Z + j) + s[W + k] - s[W + j]
        e6 = add(s, U_Y + j) + s[V + k] - s[V + j]
        c11, c22, c33 = s[C11 + j], s[C22 + j], s[C33 + j]
        c23, c13, c12 = s[C23 + j], s[C13 + j], s[C12 + j]
        c44, c55, c66 = s[C44 + j], s[C55 + j], s[C66 + j]
        c14, c15, c16 = s[C14 + j], s[C15 + j], s[C16 + j]
        c24, c25, c26 = s[C24 + j], s[C25 + j], s[C26 + j]
        c34, c35, c36 = s[C34 + j], s[C35 + j], s[C36 + j]
        c45, c46, c56 = s[C45 + j], s[C46 + j], s[C56 + j]
        s4 = c14 * e1 + c24 * e2 + c34 * e3 + c44 * e4 + c45 * e5 + c46 * e6
        s5 = c15 * e1 + c25 * e2 + c35 * e3 + c45 * e4 + c55 * e5 + c56 * e6
        s6 = c16 * e1 + c26 * e2 + c36 * e3 + c46 * e4 + c56 * e5 + c66 * e6
        s[FX_X + j] = c11 * e1 + c12 * e2 + c13 * e3 + c14 * e4 + c15 * e5 + c16 * e6
        s[FX_Y + j] = s6
        s[FX_Z + j] = s5
        s[FY_X + j] = s6
        s[FY_Y + j] = c12 * e1 + c22 * e2 + c23 * e3 + c24 * e4 + c25 * e5 + c26 * e6
        s[FY_Z + j] = s4
        s[FZ_X + j] = s5
        s[FZ_Y + j] = s4
        s[FZ_Z + j] = c13 * e1 + c23 * e2 + c33 * e3 + c34 * e4 + c35 * e5 + c36 * e6


def make_anisotropic_rest(apart: int) -> Any:
    """The function below, moduli of the varying strain `apart` from the others."""

    @row
    def anisotropic_rest(s: Any, n: int, third: float, ninth: float) -> None:
        """Forces of the varying strain on the modes xy, xz, yz, xyz, any 21 moduli."""
        for j in range(n):
            x_xy, x_xz = subtract(s, U_Y + j), subtract(s, U_Z + j)
            x_yz, x_xyz = add(s, U_YZ + j), subtract(s, U_YZ + j)
            y_xy, y_xz = subtract(s, V_Y + j), subtract(s, V_Z + j)
            y_yz, y_xyz = add(s, V_YZ + j), subtract(s, V_YZ + j)
            z_xy, z_xz = subtract(s, W_Y + j), subtract(s, W_Z + j)
            z_yz, z_xyz = add(s, W_YZ + j), subtract(s, W_YZ + j)
            c11, c22, c33 = s[apart + C11 + j], s[apart + C22 + j], s[apart + C33 + j]
            c23, c13, c12 = s[apart + C23 + j], s[apart + C13 + j], s[apart + C12 + j]
            c44, c55, c66 = s[apart + C44 + j], s[apart + C55 + j], s[apart + C66 + j]
            c14, c15, c16 = s[apart + C14 + j], s[apart + C15 + j], s[apart + C16 + j]
            c24, c25, c26 = s[apart + C24 + j], s[apart + C25 + j], s[apart + C26 + j]
            c34, c35, c36 = s[apart + C34 + j], s[apart + C35 + j], s[apart + C36 + j]
            c45, c46, c56 = s[apart + C45 + j], s[apart + C46 + j], s[apart + C56 + j]
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
            s[FX_XY + j] = (p6 + q1) * third
            s[FX_XZ + j] = (p5 + r1) * third
            s[FX_YZ + j] = (q5 + r6) * third
            s[FY_XY + j] = (p2 + q6) * third
            s[FY_XZ + j] = (p4 + r6) * third
            s[FY_YZ + j] = (q4 + r2) * third
            s[FZ_XY + j] = (p4 + q5) * third
            s[FZ_XZ + j] = (p3 + r5) * third
            s[FZ_YZ + j] = (q3 + r4) * third
            xx, yy, zz = c11 + c55 + c66, c22 + c44 + c66, c33 + c44 + c55
            xy, xz, yz = c16 + c26 + c45, c15 + c35 + c46, c24 + c34 + c56
            s[FX_XYZ + j] = (xx * x_xyz + xy * y_xyz + xz * z_xyz) * ninth
            s[FY_XYZ + j] = (xy * x_xyz + yy * y_xyz + yz * z_xyz) * ninth
            s[FZ_XYZ + j] = (xz * x_xyz + yz * y_xyz + zz * z_xyz) * ninth

    return anisotropic_rest


anisotropic_rest, anisotropic_rest_apart = make_anisotropic_rest(0), make_anisotropic_rest(APART)


@row
def gather(s: Any, case: int, plane: Any, at: int, X: int, n: int) -> None:
    """Forces on n - 1 nodes between n elements: with what the row before and the layer below
    left for them; leaves the rest to the next row and the layer above."""
    carry = s[case : case + 6 * WIDTH]
    for j in range(6 * WIDTH):
        s[OLD + j] = carry[j]
    for j in range(n - 1):
        gather_one(s, j, j, j)
        gather_one(s, WIDTH + j, 7 * WIDTH + j, 2 * WIDTH + j)
        gather_one(s, 2 * WIDTH + j, 14 * WIDTH + j, 4 * WIDTH + j)
    for j in range(6 * WIDTH):
        carry[j] = s[NEW + j]
    for i in range(3):
        layer = plane[at + i * X : at + i * X + n - 1]
        lower, upper = s[LOWER + WIDTH * i :], s[UPPER + WIDTH * i :]
        for j in range(n - 1):
            left = layer[j]
            layer[j] = upper[j]
            lower[j] += left


@element
def gather_one(s: Any, i: int, f: int, k: int) -> None:
    """One component at one node."""
    g = f + 1
    p = s[FX_X + f] - s[FX_X + g]
    q = s[FX_Y + f] + s[FX_Y + g] + s[FX_XY + f] - s[FX_XY + g]
    t = s[FX_Z + f] + s[FX_Z + g] + s[FX_XZ + f] - s[FX_XZ + g]
    v = s[FX_YZ + f] + s[FX_YZ + g] + s[FX_XYZ + f] - s[FX_XYZ + g]
    s[LOWER + i] = s[OLD + k] + (p - t) - (q - v)
    s[UPPER + i] = s[OLD + WIDTH + k] + (p + t) - (q + v)
    s[NEW + k], s[NEW + WIDTH + k] = (p - t) + (q - v), (p + t) + (q + v)


@row
def store(s: Any, out: Any, at: int, X: int, n: int) -> None:
    """Store the result of three components."""
    for i in range(3):
        result, target = s[LOWER + WIDTH * i :], out[at + i * X : at + i * X + n]
        for j in range(n):
            target[j] = result[j]


@row
def combine(s: Any, sign: float, field: Any, at: int, X: int, n: int) -> None:
    """result = field + sign times the result."""
    for i in range(3):
        result, given = s[LOWER + WIDTH * i :], field[at + i * X : at + i * X + n]
        for j in range(n):
            result[j] = given[j] + sign * result[j]


@row
def load_block(s: Any, blocks: Any, at: int, n: int, X: int) -> None:
    """Inverse diagonal blocks of a row of nodes."""
    for m in range(6):
        source, target = blocks[at + m * X : at + m * X + n], s[BLOCK + WIDTH * m :]
        for j in range(n):
            target[j] = source[j]


@row
def multiply_block(s: Any, weight: float, n: int) -> None:
    """result = weight times the inverse block times the result."""
    for j in range(n):
        p = s[LOWER + j] * weight
        q = s[LOWER + WIDTH + j] * weight
        v = s[LOWER + 2 * WIDTH + j] * weight
        s[LOWER + j] = s[D11 + j] * p + s[D12 + j] * q + s[D13 + j] * v
        s[LOWER + WIDTH + j] = s[D12 + j] * p + s[D22 + j] * q + s[D23 + j] * v
        s[LOWER + 2 * WIDTH + j] = s[D13 + j] * p + s[D23 + j] * q + s[D33 + j] * v
