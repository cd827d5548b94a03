"""The diffusion solve in torch, for a GPU: the same matrices and cycle as on the CPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.plugins.properties.diffusion.hierarchy import Level, levels
from recon.plugins.properties.diffusion.multigrid import inverse, weights
from recon.plugins.properties.diffusion.system import System


class Gpu:
    """Backend of `solver.iterate` on a torch device with double precision."""

    def __init__(self, system: System, device: str) -> None:
        self.scale = system.scale
        self.faces = [torch.from_numpy(face).to(device) for face in system.faces]
        self.ends = torch.from_numpy(system.ends).to(device)
        self.grids = [Grid(level, device) for level in levels(system)]
        self.r = torch.from_numpy(system.source()).to(device)
        self.w, self.p, self.q, self.z = (torch.zeros_like(self.r) for _ in range(4))

    def start(self) -> tuple[float, float]:
        rho = self.precondition()
        self.p = self.z
        return float(_dot(self.r, self.r)), rho

    def apply(self) -> float:
        p = self.p
        self.q = torch.zeros_like(p)
        for axis, (face, scale) in enumerate(zip(self.faces, self.scale, strict=True)):
            flow = face * (p - p.roll(-1, axis)) * scale
            self.q += flow - flow.roll(1, axis)
        self.q[0] += self.scale[0] * self.ends[0] * p[0]
        self.q[-1] += self.scale[0] * self.ends[1] * p[-1]
        return float(_dot(p, self.q))

    def advance(self, alpha: float) -> float:
        self.w.add_(self.p, alpha=alpha)
        self.r.sub_(self.q, alpha=alpha)
        return float(_dot(self.r, self.r))

    def precondition(self) -> float:
        self.z = cycle(self.grids, self.r.float()).double()
        return float(_dot(self.r, self.z))

    def turn(self, beta: float) -> None:
        self.p = self.z + beta * self.p

    def fluctuation(self) -> NDArray[np.float64]:
        return np.asarray(self.w.cpu())


class Grid:
    """A level of the hierarchy on the device."""

    def __init__(
        self, level: Level, device: str, steps: Sequence[float] = tuple(weights())
    ) -> None:
        def there(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(array).to(device)

        self.faces = [there(face) for face in level.faces]
        self.steps = steps
        self.diagonal, self.scale = there(level.diagonal), level.scale
        self.joined = level.joined or (1, 1, 1)
        self.inverse = there(inverse(level)) if level.joined is None else None

    def residual(self, u: Tensor, b: Tensor) -> Tensor:
        """b - A u."""
        rest = b - self.diagonal * u
        for axis, (face, scale) in enumerate(zip(self.faces, self.scale, strict=True)):
            rest += scale * (face * u.roll(-1, axis) + (face * u).roll(1, axis))
        return rest

    def smooth(self, u: Tensor, b: Tensor) -> Tensor:
        """Chebyshev steps."""
        for step in self.steps:
            u = u + step * self.residual(u, b) / self.diagonal
        return u


def cycle(grids: list[Grid], b: Tensor) -> Tensor:
    """V-cycle on the first of the grids (see `multigrid`)."""
    grid = grids[0]
    if grid.inverse is not None:
        return (grid.inverse @ b.double().ravel()).reshape(b.shape).float()
    u = grid.smooth(torch.zeros_like(b), b)
    coarse = cycle(grids[1:], _sums(grid.residual(u, b), grid.joined))
    for axis, (joined, count) in enumerate(zip(grid.joined, u.shape, strict=True)):
        if joined > 1:
            coarse = coarse.repeat_interleave(joined, axis).narrow(axis, 0, count)
    return grid.smooth(u + coarse, b)


def _sums(fine: Tensor, joined: tuple[int, int, int]) -> Tensor:
    """Sums over joined cells; the last ones may be single."""
    padding = [n for size, k in zip(fine.shape, joined, strict=True) for n in (-size % k, 0)]
    padded = torch.nn.functional.pad(fine, padding[::-1])
    z, y, x = (size // k for size, k in zip(padded.shape, joined, strict=True))
    kz, ky, kx = joined
    return padded.reshape(z, kz, y, ky, x, kx).sum((1, 3, 5))


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.dot(a.ravel(), b.ravel())
