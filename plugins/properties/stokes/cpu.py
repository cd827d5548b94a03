"""The solve on the CPU: numba kernels over slabs of planes, one slab a thread."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.diffusion.cpu import Cycle
from recon.plugins.properties.stokes import kernels
from recon.plugins.properties.stokes.hierarchy import (
    PRESSURE_STEPS,
    pressure_levels,
    velocity_levels,
)
from recon.plugins.properties.stokes.mobility import find_mobility
from recon.plugins.properties.stokes.system import System
from recon.plugins.slabs import over_slabs

Double = NDArray[np.float64]


class Cpu:
    """Backend of `solver.iterate`.

    Bytes a voxel: 248 of vectors in double and 28 in single precision, 7 of masks, 26 of the
    finest matrices, 32 of the fields of the finest cycles, about 20 of all coarser grids.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        shape = system.shape
        self.cycles = [Cycle(list(velocity_levels(system, n))) for n in range(3)]
        self.geometry = (
            system.active,
            system.beside,
            system.cells,
            system.layers,
            system.scale,
            system.stretch,
        )
        self.w, self.single = (np.zeros((3, *shape), np.float32) for _ in range(2))
        self.q, self.Aw, self.d = (np.zeros((3, *shape)) for _ in range(3))
        self.narrow = np.zeros(shape, np.float32)
        self.dp, self.qp, self.bw = (np.zeros(shape) for _ in range(3))
        self.sums = np.zeros(shape[0])
        mobility, self.ritz = find_mobility(self._ones(), self._viscous, self._cycle)
        least = np.stack([1 / system.diagonal(n) for n in range(3)])
        mobility = np.maximum(mobility, least, dtype=np.float32) * system.active
        self.darcy = Cycle(list(pressure_levels(system, mobility)), PRESSURE_STEPS)
        self.v, self.Av, self.u = (np.zeros((3, *shape)) for _ in range(3))
        self.r = system.force[:, :, None, None] * system.active
        self.vp, self.bv, self.p, self.rp = (np.zeros(shape) for _ in range(4))

    def least(self) -> float:
        return self.ritz

    def state(self) -> tuple[Double, Double]:
        return self.u, self.p

    def rest(self) -> tuple[Double, Double]:
        return self.r, self.rp

    def start(self, factor: float) -> float:
        self.factor = factor
        self.single[:] = self.r
        self._answer(0 * self.dp, self.rp)
        self.v[:], self.Av[:], self.bv[:] = self.w, self.Aw, self.bw
        self.vp[:] = self.system.cells * (self.bw + self.darcy(self.narrow))
        self.d[:], self.dp[:], self.Ad = self.v, self.vp, self.Av.copy()
        return float(np.vdot(self.v, self.Av - self.r) + np.vdot(self.vp, self.bv))

    def apply(self) -> float:
        active, _, cells, _, _, stretch = self.geometry
        vectors = (self.d, self.dp, self.Ad, active, cells, stretch, self.q, self.qp, self.single)
        loaded = self._sum(kernels.load, *vectors)
        return self._answer(self.dp, self.qp) - loaded

    def advance(self, alpha: float) -> tuple[float, float, float]:
        smooth, sums = self.darcy(self.narrow), np.zeros((len(self.sums), 3))
        self._run(
            kernels.advance_pressure,
            *(alpha, self.dp, self.qp, self.system.cells, smooth, self.bw),
            *(self.p, self.rp, self.vp, self.bv, sums),
        )
        self._run(
            kernels.advance,
            *(alpha, self.system.force, self.d, self.q, self.w, self.Aw),
            *(self.u, self.r, self.v, self.Av, sums),
        )
        norm, work, square = sums.sum(0).tolist()
        return norm, work, square

    def turn(self, beta: float) -> None:
        for n in range(3):
            self._run(kernels.turn, beta, self.v[n], self.d[n])
            self._run(kernels.turn, beta, self.Av[n], self.Ad[n])
        self._run(kernels.turn, beta, self.vp, self.dp)

    def _answer(self, p: Double, qp: Double) -> float:
        """w = C times `single`, Aw, and bw = div w - qp; d . Aw + p . bw."""
        for n, cycle in enumerate(self.cycles):
            u = cycle(self.single[n])
            self._run(kernels.keep, np.float32(self.factor), u, self.system.active[n], self.w[n])
        return self._multiply(p, qp)

    def _multiply(self, p: Double, qp: Double) -> float:
        return self._sum(
            kernels.answer, self.w, self.d, p, qp, self.geometry, self.Aw, self.bw, self.narrow
        )

    def _viscous(self, p: Double) -> Double:
        self.w[:] = p
        self._multiply(self.dp, self.qp)
        return self.Aw

    def _cycle(self, r: Double) -> NDArray[np.float32]:
        self.single[:], self.factor = r, 1.0
        self._answer(self.dp, self.qp)
        return self.w

    def _ones(self) -> Double:
        return self.system.layers[:, 2, :, None, None] * self.system.active

    def _sum(self, kernel: Callable[..., None], *args: Any) -> float:
        self._run(kernel, *args, self.sums)
        return float(self.sums.sum())

    def _run(self, kernel: Callable[..., None], *args: Any) -> None:
        over_slabs(self.system.shape[0], self.system.cells.size, kernel, *args)
