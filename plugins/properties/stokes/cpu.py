"""The solve on the CPU: numba kernels over slabs of planes, one slab a thread."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.diffusion.cpu import Cycle, Grid
from recon.plugins.properties.diffusion.hierarchy import Level
from recon.plugins.properties.stokes import kernels
from recon.plugins.properties.stokes.hierarchy import (
    PRESSURE_STEPS,
    SLOWER,
    pressure_levels,
    velocity_levels,
)
from recon.plugins.properties.stokes.mobility import conjugate_gradients, darcy_flow
from recon.plugins.properties.stokes.system import System
from recon.plugins.slabs import over_slabs

Single = NDArray[np.float32]
Vector = NDArray[Any]


class Cpu:
    """Backend of `solver.iterate`; cycles are in single precision always.

    dtype  precision of the vectors

    Bytes a voxel: 140 of vectors in single precision or 280 in double, 28 more in single, 7 of
    masks, 28 of the finest matrices, 20 of the fields of the finest cycles, about 16 of all coarser
    grids.
    """

    def __init__(self, system: System, dtype: type[Any] = np.float64) -> None:
        self.system, self.dtype = system, dtype
        shape = system.shape
        self.w, self.single = (np.zeros((3, *shape), np.float32) for _ in range(2))
        self.q, self.Aw, self.d, self.Ad = (np.zeros((3, *shape), dtype) for _ in range(4))
        self.narrow = np.zeros(shape, np.float32)
        self.dp, self.qp, self.bw = (np.zeros(shape, dtype) for _ in range(3))
        self.nothing, self.sums = np.zeros(shape, dtype), np.zeros(shape[0])
        self.stretch = tuple(dtype(s) for s in system.stretch)
        self.walls = [system.walls(n, dtype) for n in range(3)]
        self.bonds = system.stencil.astype(dtype)
        self.cycles = [self._velocity_cycle(n) for n in range(3)]
        self.factor = 1.0
        conductance, self.ritz = self._mobility()
        self.darcy = Cycle(pressure_levels(system, conductance), PRESSURE_STEPS)
        self.force = system.force.astype(dtype)
        law = (self._gradient, self._divergence, self._viscous, self._solve)
        force = self.force[:, :, None, None] * system.active
        self.u, self.p, self.r, self.rp = darcy_flow(force, conductance, *law)
        self.v, self.Av = (np.zeros((3, *shape), dtype) for _ in range(2))
        self.vp, self.bv = (np.zeros(shape, dtype) for _ in range(2))

    def least(self) -> float:
        return self.ritz

    def state(self) -> tuple[Vector, Vector]:
        return self.u, self.p

    def rest(self) -> tuple[Vector, Vector]:
        return self.r, self.rp

    def start(self, factor: float) -> tuple[float, float, float]:
        self.factor = factor
        for field in (self.d, self.dp, self.q, self.qp, self.v, self.Av, self.vp, self.bv):
            field[:] = 0
        np.multiply(self.r, factor, out=self.single, casting="same_kind")
        self._answer(self.rp)
        sums = self.advance(-1.0)
        self.turn(0.0)
        return sums

    def apply(self) -> float:
        loaded = self._load()
        self._diverge(self.d, self.nothing, self.qp)
        return self._answer(self.qp) - loaded

    def advance(self, alpha: float) -> tuple[float, float, float]:
        smooth, sums = self.darcy(self.narrow), np.zeros((len(self.sums), 3))
        step = self.dtype(alpha)
        self._run(
            kernels.advance_pressure,
            *(step, self.dp, self.qp, self.system.cells, smooth, self.bw),
            *(self.p, self.rp, self.vp, self.bv, sums),
        )
        for n in range(3):
            self._run(
                kernels.advance,
                *(step, self.force[n], self.d[n], self.q[n], self.w[n], self.Aw[n]),
                *(self.u[n], self.r[n], self.v[n], self.Av[n], sums),
            )
        norm, work, square = sums.sum(0).tolist()
        return norm, work, square

    def turn(self, beta: float) -> None:
        step = self.dtype(beta)
        for n in range(3):
            self._run(kernels.turn, step, self.v[n], self.d[n])
            self._run(kernels.turn, step, self.Av[n], self.Ad[n])
        self._run(kernels.turn, step, self.vp, self.dp)

    def _load(self) -> float:
        """q = the first rows of the matrix times d, dp; `single` = q times the factor; d . q."""
        total, factor = 0.0, np.float32(self.factor)
        for n in range(3):
            total += self._sum(
                kernels.load,
                *(self.d[n], self.dp, n, self.Ad[n], self.system.active[n], self.stretch[n]),
                *(factor, self.q[n], self.single[n]),
            )
        return total

    def _answer(self, qp: Vector) -> float:
        """w = the cycles of `single`, Aw, and bw = div w - qp; d . Aw + dp . bw."""
        self._cycles()
        return self._multiply(self.w) + self._diverge(self.w, qp, self.bw)

    def _cycles(self) -> None:
        for cycle, part in zip(self.cycles, self.single, strict=True):
            cycle(part)

    def _multiply(self, w: Vector) -> float:
        """Aw; d . Aw."""
        total = 0.0
        for n in range(3):
            matrix = (self.system.active[n], self.walls[n], self.bonds[n])
            total += self._sum(kernels.viscous, w[n], self.d[n], *matrix, self.Aw[n])
        return total

    def _diverge(self, u: Vector, minus: Vector, out: Vector) -> float:
        """out and `narrow` = div u - minus; dp . out."""
        vectors = (minus, self.system.cells, self.stretch, out, self.narrow)
        return self._sum(kernels.diverge, u, self.dp, *vectors)

    def _velocity_cycle(self, n: int) -> Cycle:
        diagonal = self.system.diagonal(n, self.walls[n])
        bonds = self.system.stencil[n].astype(np.float32)

        def finest(level: Level) -> Grid:
            inverse = self.system.active[n] / diagonal
            return Grid(bonds, inverse, level.joined, kernels.smooth, kernels.restrict)

        return Cycle(velocity_levels(self.system, n, diagonal), finest=finest, out=self.w[n])

    def _mobility(self) -> tuple[Single, float]:
        """Velocity for a unit force on each control volume, and the least Ritz value."""
        weights = self.system.layers[:, 2, :, None, None].astype(self.dtype)
        ones = weights * self.system.active
        mobility, least = conjugate_gradients(ones, self._viscous, self._cycle)
        for n, cycle in enumerate(self.cycles):
            np.maximum(mobility[n], cycle.grids[0].inverse, out=mobility[n])
        mobility /= weights.astype(np.float32)
        return mobility, least

    def _solve(self, b: Vector) -> Vector:
        grid, nothing = self.darcy.grids[0], np.zeros(self.system.shape, np.float32)
        out = np.zeros_like(nothing)

        def matrix(p: Single) -> Single:
            one = np.float32(1)
            self._run(grid.smooth, p, nothing, grid.matrix, grid.inverse, one, out)
            return (p - out) / grid.inverse

        def cycle(r: Single) -> Single:
            p = self.darcy(r)
            p *= self.system.cells
            return p

        p: Single = conjugate_gradients(b.astype(np.float32), matrix, cycle)[0]
        return (SLOWER * p).astype(self.dtype, copy=False)

    def _viscous(self, u: Vector) -> Vector:
        self._multiply(u)
        return self.Aw

    def _gradient(self, p: Vector) -> Vector:
        self.dp[:] = p
        self._load()
        return self.q

    def _divergence(self, u: Vector) -> Vector:
        self._diverge(u, self.nothing, self.qp)
        return self.qp

    def _cycle(self, r: Vector) -> Single:
        self.single[:] = r
        self._cycles()
        return self.w

    def _sum(self, kernel: Callable[..., None], *args: Any) -> float:
        self._run(kernel, *args, self.sums)
        return float(self.sums.sum())

    def _run(self, kernel: Callable[..., None], *args: Any) -> None:
        over_slabs(self.system.shape[0], self.system.cells.size, kernel, *args)
