"""The solve in torch, for a GPU: the same matrix, cycles and vectors as on the CPU."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.plugins.properties.diffusion.gpu import Grid, cycle
from recon.plugins.properties.stokes.hierarchy import (
    PRESSURE_STEPS,
    SLOWER,
    pressure_levels,
    velocity_levels,
)
from recon.plugins.properties.stokes.mobility import conjugate_gradients, darcy_flow
from recon.plugins.properties.stokes.system import System


class Gpu:
    """Backend of `solver.iterate` on a torch device with double precision."""

    def __init__(self, system: System, device: str) -> None:
        def there(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(array).to(device)

        self.scale, self.stretch = system.scale, system.stretch
        self.active = there(system.active)
        self.cells = there(system.cells)
        self.layers = there(system.layers)[..., None, None]
        walls = [system.walls(n, np.float64) for n in range(3)]
        diagonals = [system.diagonal(n, wall) for n, wall in enumerate(walls)]
        self.grids = [
            [Grid(level, device) for level in velocity_levels(system, n, diagonal)]
            for n, diagonal in enumerate(diagonals)
        ]
        self.walls = there(np.stack(walls))
        self.force = there(system.force)[..., None, None] * self.active
        weights = self.layers[:, 2]
        ones = weights * self.active
        mobility, self.ritz = conjugate_gradients(ones, self.viscous, self.cycle)
        least = self.active / there(np.stack(diagonals))
        conductance = (torch.maximum(mobility.float(), least) / weights).float()
        self.darcy = [
            Grid(level, device, PRESSURE_STEPS)
            for level in pressure_levels(system, np.asarray(conductance.cpu()))
        ]
        law = (self.gradient, self.divergence, self.viscous, self.solve)
        self.u, self.p, self.r, self.rp = darcy_flow(self.force, conductance.double(), *law)

    def least(self) -> float:
        return self.ritz

    def state(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.asarray(self.u.cpu()), np.asarray(self.p.cpu())

    def rest(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.asarray(self.r.cpu()), np.asarray(self.rp.cpu())

    def start(self, factor: float) -> tuple[float, float, float]:
        self.factor = factor
        self.v = factor * self.cycle(self.r)
        self.Av, self.bv = self.viscous(self.v), self.divergence(self.v) - self.rp
        self.vp = self.bv + self.darcys(self.bv)
        self.d, self.dp, self.Ad = self.v, self.vp, self.Av
        return self._sums()

    def apply(self) -> float:
        d, dp = self.d, self.dp
        self.q = self.Ad + self.gradient(dp)
        self.qp = self.divergence(d)
        self.w = self.factor * self.cycle(self.q)
        self.Aw, self.bw = self.viscous(self.w), self.divergence(self.w) - self.qp
        return float((d * (self.Aw - self.q)).sum() + (dp * self.bw).sum())

    def advance(self, alpha: float) -> tuple[float, float, float]:
        self.u += alpha * self.d
        self.p += alpha * self.dp
        self.r -= alpha * self.q
        self.rp -= alpha * self.qp
        self.v = self.v - alpha * self.w
        self.vp = self.vp - alpha * (self.bw + self.darcys(self.bw))
        self.Av = self.Av - alpha * self.Aw
        self.bv = self.bv - alpha * self.bw
        return self._sums()

    def turn(self, beta: float) -> None:
        self.d = self.v + beta * self.d
        self.dp = self.vp + beta * self.dp
        self.Ad = self.Av + beta * self.Ad

    def viscous(self, u: Tensor) -> Tensor:
        """The viscous matrix times a velocity."""
        total = self.walls * u
        for n, axis in ((n, axis) for n in range(3) for axis in range(3)):
            for side, shift in ((0, 1), (1, -1)):
                weights = self.layers[n, side if axis == 0 else 2] * self.scale[axis]
                total[n] += weights * (u[n] - u[n].roll(shift, axis))
        return total * self.active

    def gradient(self, p: Tensor) -> Tensor:
        """The gradient of a pressure where there is a velocity."""
        steps = [s * (p - p.roll(-1, n)) for n, s in enumerate(self.stretch)]
        return torch.stack(steps) * self.active

    def solve(self, b: Tensor) -> Tensor:
        """A few steps towards the pressure of a divergence by Darcy's law."""
        finest = self.darcy[0]

        def matrix(p: Tensor) -> Tensor:
            return -finest.residual(p, torch.zeros_like(p))

        def precondition(r: Tensor) -> Tensor:
            return cycle(self.darcy, r) * self.cells

        p: Tensor = conjugate_gradients(b.float(), matrix, precondition)[0]
        return float(SLOWER) * p.double()

    def divergence(self, u: Tensor) -> Tensor:
        """The divergence in the fluid."""
        terms = [s * (u[n] - u[n].roll(1, n)) for n, s in enumerate(self.stretch)]
        return (terms[0] + terms[1] + terms[2]) * self.cells

    def cycle(self, r: Tensor) -> Tensor:
        """The multigrid cycle of the viscous matrix."""
        single = r.float()
        parts = [cycle(grids, part) for grids, part in zip(self.grids, single, strict=True)]
        return (torch.stack(parts) * self.active).double()

    def darcys(self, b: Tensor) -> Tensor:
        """The multigrid cycle of Darcy's law."""
        return (cycle(self.darcy, b.float()) * self.cells).double()

    def _sums(self) -> tuple[float, float, float]:
        norm = (self.v * (self.Av - self.r)).sum() + (self.vp * self.bv).sum()
        work = (self.u * (self.force + self.r)).sum() + (self.p * self.rp).sum()
        square = (self.r**2).sum() + (self.rp**2).sum()
        return float(norm), float(work), float(square)
