"""The diffusion solve on the CPU: numba kernels over slabs of planes, one slab a thread."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.diffusion import kernels
from recon.plugins.properties.diffusion.hierarchy import Level, levels
from recon.plugins.properties.diffusion.multigrid import inverse, weights
from recon.plugins.properties.diffusion.system import System
from recon.plugins.slabs import over_slabs


class Cpu:
    """Backend of `solver.iterate`.

    Bytes a voxel: 32 of vectors in double, 12 in single precision, 7 of the finest matrix (33
    more when coefficients differ), 4 of all coarser grids.
    """

    def __init__(self, system: System) -> None:
        self.cycle = Cycle(list(levels(system)))
        self.r = system.source()
        self.w, self.p, self.q = (np.zeros(system.shape) for _ in range(3))
        self.single = np.empty(system.shape, np.float32)
        self.z = self.single
        self.sums = np.zeros(system.shape[0])
        self.matrix = (*system.faces, system.ends, system.scale)

    def _sum(self, kernel: Callable[..., None], *args: Any) -> float:
        over_slabs(self.w.shape[0], self.w.size, kernel, *args, self.sums)
        return float(self.sums.sum())

    def start(self) -> tuple[float, float]:
        squared = float(np.vdot(self.r, self.r))
        np.copyto(self.single, self.r, casting="same_kind")
        rho = self.precondition()
        np.copyto(self.p, self.z)
        return squared, rho

    def apply(self) -> float:
        return self._sum(kernels.apply, self.p, *self.matrix, self.q)

    def advance(self, alpha: float) -> float:
        return self._sum(kernels.advance, alpha, self.p, self.q, self.w, self.r, self.single)

    def precondition(self) -> float:
        self.z = self.cycle(self.single)
        return self._sum(kernels.dot, self.r, self.z)

    def turn(self, beta: float) -> None:
        over_slabs(self.w.shape[0], self.w.size, kernels.turn, beta, self.z, self.p)

    def fluctuation(self) -> NDArray[np.float64]:
        return self.w


class Cycle:
    """V-cycle; three float32 fields a level."""

    def __init__(self, grids: list[Level], steps: Sequence[float] = tuple(weights())) -> None:
        self.grids = grids
        self.steps = [np.float32(step) for step in steps]
        self.inverse = inverse(grids[-1])
        self.fields = [
            tuple(np.zeros(g.shape, np.float32) for _ in range(2 if n == 0 else 3))
            for n, g in enumerate(grids)
        ]

    def __call__(self, b: NDArray[np.float32], n: int = 0) -> NDArray[np.float32]:
        """An approximation of the solution for a right-hand side on grid n."""
        grid = self.grids[n]
        u, v = self.fields[n][:2]
        if grid.joined is None:
            u[:] = (self.inverse @ b.ravel().astype(float)).reshape(u.shape)
            return u
        planes, cells = u.shape[0], u.size
        scale = tuple(np.float32(s) for s in grid.scale)
        matrix = (*grid.faces, grid.diagonal, scale)
        over_slabs(planes, cells, kernels.first_smooth, b, grid.diagonal, self.steps[0], u)
        for step in self.steps[1:]:
            over_slabs(planes, cells, kernels.smooth, u, b, *matrix, step, v)
            u, v = v, u
        coarse = self.fields[n + 1][2]
        over_slabs(coarse.shape[0], cells, kernels.restrict, u, b, *matrix, grid.joined, coarse)
        over_slabs(planes, cells, kernels.prolong, self(coarse, n + 1), grid.joined, u)
        for step in self.steps:
            over_slabs(planes, cells, kernels.smooth, u, b, *matrix, step, v)
            u, v = v, u
        return u
