"""The solve in torch, for a GPU: the same matrix, cycles and vectors as on the CPU."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.plugins.properties.diffusion.gpu import Grid, cycle
from recon.plugins.properties.stokes.hierarchy import (
    PRESSURE_STEPS,
    pressure_levels,
    velocity_levels,
)
from recon.plugins.properties.stokes.mobility import find_mobility
from recon.plugins.properties.stokes.system import System


class Gpu:
    """Backend of `solver.iterate` on a torch device with double precision."""

    def __init__(self, system: System, device: str) -> None:
        def there(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(array).to(device)

        self.scale, self.stretch = system.scale, system.stretch
        self.active, self.beside = there(system.active), there(system.beside)
        self.cells = there(system.cells)
        self.layers = there(system.layers)[..., None, None]
        self.grids = [
            [Grid(level, device) for level in velocity_levels(system, n)] for n in range(3)
        ]
        self.force = there(system.force)[..., None, None] * self.active
        ones = self.layers[:, 2] * self.active
        mobility, self.ritz = find_mobility(ones, self.viscous, self.cycle)
        least = np.stack([1 / system.diagonal(n) for n in range(3)])
        clamped = np.maximum(mobility.float().cpu().numpy(), least) * system.active
        self.darcy = [
            Grid(level, device, PRESSURE_STEPS) for level in pressure_levels(system, clamped)
        ]
        self.u, self.p = torch.zeros_like(self.force), torch.zeros_like(self.force[0])
        self.r, self.rp = self.force.clone(), torch.zeros_like(self.p)

    def least(self) -> float:
        return self.ritz

    def state(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.asarray(self.u.cpu()), np.asarray(self.p.cpu())

    def rest(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.asarray(self.r.cpu()), np.asarray(self.rp.cpu())

    def start(self, factor: float) -> float:
        self.factor = factor
        self.v = factor * self.cycle(self.r)
        self.Av, self.bv = self.viscous(self.v), self.divergence(self.v) - self.rp
        self.vp = self.bv + self.darcys(self.bv)
        self.d, self.dp, self.Ad = self.v, self.vp, self.Av
        return self._norm()

    def apply(self) -> float:
        d, dp = self.d, self.dp
        gradient = torch.stack([dp - dp.roll(-1, n) for n in range(3)])
        stretch = torch.tensor(self.stretch).to(d)[:, None, None, None]
        self.q = self.Ad + stretch * gradient * self.active
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
        work = (self.u * (self.force + self.r)).sum() + (self.p * self.rp).sum()
        square = (self.r**2).sum() + (self.rp**2).sum()
        return self._norm(), float(work), float(square)

    def turn(self, beta: float) -> None:
        self.d = self.v + beta * self.d
        self.dp = self.vp + beta * self.dp
        self.Ad = self.Av + beta * self.Ad

    def viscous(self, u: Tensor) -> Tensor:
        """The viscous matrix times a velocity."""
        total = torch.zeros_like(u)
        for n, axis in ((n, axis) for n in range(3) for axis in range(3)):
            beside = self.beside[n]
            for side, shift in ((0, 1), (1, -1)):
                weights = self.layers[n, side if axis == 0 else 2] * self.scale[axis]
                lost = 1 if axis == n else 2 - beside.roll(shift, axis).to(u)
                total[n] += weights * (lost * u[n] - u[n].roll(shift, axis))
        return total * self.active

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

    def _norm(self) -> float:
        return float((self.v * (self.Av - self.r)).sum() + (self.vp * self.bv).sum())
