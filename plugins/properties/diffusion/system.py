"""Finite volumes of steady diffusion: cell-centred, harmonic means at the faces.

The concentration is a linear rise of 1 per voxel along one axis plus a fluctuation w. Between
neighbours i and j the flux is g (w_i - w_j) plus that of the rise, g = 2 D_i D_j / (D_i + D_j).
With fixed ends (TauFactor's convention) w = 0 half a voxel outside the first and last centres,
and no flux leaves through the sides. All arrays wrap around: where the volume does not,
the conductance of the wrapping face is zero, so the kernels know no border.
"""

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from recon.plugins.properties.diffusion import kernels

Array = NDArray[np.uint8] | NDArray[np.float64]


@attrs.frozen(eq=False)
class System:
    """Conductances of one volume and direction.

    faces  (gz, gy, gx): conductance between a voxel and its upper neighbour along each array
           axis, in units of D_0; uint8 when they are 0 or 1, else float64
    ends   conductances (2, y, x) from the first and last layer along axis 0 to the fixed ends;
           zero when periodic
    scale  (sz, sy, sx): factor of the conductances for the shape of the voxels, 1 / edge^2
    axis   array axis of the rise of concentration; 0 unless periodic
    """

    faces: tuple[Array, Array, Array]
    ends: NDArray[np.float64]
    scale: tuple[float, float, float]
    axis: int

    @classmethod
    def of(
        cls,
        cells: NDArray[np.uint8],
        coefficients: ArrayLike,
        voxel_size: Sequence[float],
        axis: int,
        periodic: bool,
    ) -> "System":
        """The system of a volume of classes: 0 insulates, k has coefficients[k - 1].

        coefficients  (K,), or (K, 3) along the array axes of `cells`

        Axis 0 of `cells` is the direction of flow unless the volume is periodic.
        """
        given = np.asarray(coefficients, float)
        d = np.zeros((3, len(given) + 1))
        d[:, 1:] = given if given.ndim == 1 else given.T
        precision = np.uint8 if (given == 1).all() else np.float64
        gz, gy, gx = (np.empty(cells.shape, precision) for _ in range(3))
        _faces(cells, *d, periodic, gz, gy, gx)
        ends = np.zeros((2, *cells.shape[1:])) if periodic else 2 * d[0][cells[[0, -1]]]
        edges = np.asarray(voxel_size, float)
        scale = (edges.min() / edges) ** 2
        return cls((gz, gy, gx), ends, tuple(scale.tolist()), axis)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along each array axis."""
        z, y, x = self.faces[0].shape
        return z, y, x

    def source(self) -> NDArray[np.float64]:
        """What the linear rise leaves in each voxel: the right-hand side for the fluctuation."""
        b = np.empty(self.shape)
        face, out = np.moveaxis(self.faces[self.axis], self.axis, 0), np.moveaxis(b, self.axis, 0)
        np.subtract(face[1:], face[:-1], out=out[1:], dtype=np.float64)
        np.subtract(face[0], face[-1], out=out[0], dtype=np.float64)
        b[0] -= self.ends[0] / 2
        b[-1] += self.ends[1] / 2
        b *= self.scale[self.axis]
        return b

    def linear(self) -> float:
        """Dissipation of the linear rise alone."""
        inside = float(self.faces[self.axis].sum(dtype=np.float64))
        return self.scale[self.axis] * (inside + float(self.ends.sum()) / 4)

    def dissipation(
        self, u: NDArray[np.float64], v: NDArray[np.float64], axes: tuple[int, int]
    ) -> NDArray[np.float64]:
        """Dissipation (z,) by plane of two fluctuations, each with the rise along its axis.

        Of a field with itself it is the effective conductance times the number of voxels.
        """
        sums = np.empty(self.shape[0])
        rises = [tuple(float(n == axis) for n in range(3)) for axis in axes]
        kernels.form(0, self.shape[0], u, v, *rises, *self.faces, self.ends, self.scale, sums)
        return sums


@kernels.compiled
def _faces(cells, dz, dy, dx, periodic, gz, gy, gx):  # type: ignore[no-untyped-def]
    """Harmonic means; `tiny` makes that of two insulators 0 and changes no other."""
    nz, ny, nx = cells.shape
    tiny = 1e-300
    here, there = np.empty(nx), np.empty(nx)
    for z in range(nz):
        above = z + 1 if z < nz - 1 else 0
        for y in range(ny):
            right = y + 1 if y < ny - 1 else 0
            for x in range(nx):
                here[x] = dz[cells[z, y, x]]
                there[x] = dz[cells[above, y, x]]
            for x in range(nx):
                gz[z, y, x] = 2 * here[x] * there[x] / (here[x] + there[x] + tiny)
            for x in range(nx):
                here[x] = dy[cells[z, y, x]]
                there[x] = dy[cells[z, right, x]]
            for x in range(nx):
                gy[z, y, x] = 2 * here[x] * there[x] / (here[x] + there[x] + tiny)
            for x in range(nx):
                here[x] = dx[cells[z, y, x]]
            for x in range(nx - 1):
                gx[z, y, x] = 2 * here[x] * here[x + 1] / (here[x] + here[x + 1] + tiny)
            gx[z, y, nx - 1] = 2 * here[nx - 1] * here[0] / (here[nx - 1] + here[0] + tiny)
    if not periodic:
        gz[nz - 1] = 0
        gy[:, ny - 1] = 0
        gx[:, :, nx - 1] = 0
