"""Nodal forces of a stress per element: the loads of the six cases."""

from typing import Any

from numpy.typing import NDArray

from recon.plugins.compiling import kernel
from recon.plugins.slabs import over_slabs

Field = NDArray[Any]


def force(index: Field, stress: Field, out: Field) -> None:
    """out (Z, Y, cases, 3, X) = the nodal forces -div of a stress.

    index   (Z, Y, X) integers: the row of `stress` that an element has
    stress  (M, 6 cases), 4 times its value / 16: a derivative is a quarter of a sum over corners
    """
    over_slabs(out.shape[0], index.size, _force, index, stress, out)


@kernel(fastmath={"contract", "nsz"}, error_model="numpy")
def _force(first: int, last: int, index: Any, stress: Any, out: Any) -> None:
    _, Y, cases, _, X = out.shape
    for z in range(first, last):
        for y in range(Y):
            for x in range(X):
                for c in range(cases):
                    i, fx, fy, fz = 6 * c, 0.0, 0.0, 0.0
                    for a in (0, -1):  # elements above the node, then those below
                        up, tx, ty, tz = -1.0 - 2.0 * a, 0.0, 0.0, 0.0
                        for b in (-1, 0):
                            north = -1.0 - 2.0 * b
                            p, q = index[z + a, y + b, x - 1], index[z + a, y + b, x]
                            xx = stress[p, i] - stress[q, i]
                            yy = stress[p, i + 1] + stress[q, i + 1]
                            zz = stress[p, i + 2] + stress[q, i + 2]
                            yz = stress[p, i + 3] + stress[q, i + 3]
                            xz, zx = stress[p, i + 4], stress[q, i + 4]
                            xy, yx = stress[p, i + 5], stress[q, i + 5]
                            tx += xx + up * (xz + zx)
                            tx += north * (xy + yx)
                            ty += (xy - yx) + up * yz
                            ty += north * yy
                            tz += (xz - zx) + up * zz
                            tz += north * yz
                        fx, fy, fz = fx + tx, fy + ty, fz + tz
                    out[z, y, c, 0, x], out[z, y, c, 1, x], out[z, y, c, 2, x] = fx, fy, fz
