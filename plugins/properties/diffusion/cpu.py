"""The diffusion solve on the CPU: numba kernels over slabs of planes, one slab a thread."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.compiling import count_threads
from recon.plugins.properties.diffusion import kernels
from recon.plugins.properties.diffusion.hierarchy import Level, levels
from recon.plugins.properties.diffusion.multigrid import inverse, weights
from recon.plugins.properties.diffusion.system import System
from recon.plugins.slabs import over_slabs

LARGE = 1 << 20
"""Cells of a grid whose fields one core's cache does not hold."""
BLOCK = 8
"""Planes that are smoothed together there."""
Single = NDArray[np.float32]


class Cpu:
    """Backend of `solver.iterate`.

    Bytes a voxel: 32 of vectors in double, 12 in single precision, 7 of the finest matrix (33
    more when coefficients differ), 4 of all coarser grids.
    """

    def __init__(self, system: System) -> None:
        self.cycle = Cycle(levels(system))
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


@attrs.frozen
class Grid:
    """A grid as the cycle needs it.

    matrix   conductances and scale, as the kernels `smooth` and `restrict` take them
    inverse  that of the diagonal; where it is 0, so is the solution
    joined   cells joined along each axis to get the next one
    """

    matrix: tuple[Any, ...]
    inverse: Single
    joined: tuple[int, int, int] | None
    smooth: Callable[..., None] = kernels.smooth
    restrict: Callable[..., None] = kernels.restrict

    @classmethod
    def of(cls, level: Level) -> "Grid":
        """That of a level."""
        scale = tuple(np.float32(s) for s in level.scale)
        return cls((*level.faces, scale), np.reciprocal(level.diagonal), level.joined)


class Cycle:
    """V-cycle; three float32 fields a level, two on the finest.

    finest  makes the grid of the first of the levels
    out     where answers appear, if not in a field of its own
    """

    def __init__(
        self,
        levels: Iterable[Level],
        steps: Sequence[float] = tuple(weights()),
        finest: Callable[[Level], Grid] = Grid.of,
        out: Single | None = None,
    ) -> None:
        self.grids: list[Grid] = []
        for level in levels:
            self.grids.append(Grid.of(level) if self.grids else finest(level))
            if level.joined is None:
                self.inverse = inverse(level)
        self.steps = [np.float32(step) for step in steps]
        self.fields: list[list[Single]] = [
            [np.zeros(grid.inverse.shape, np.float32) for _ in range(2 if n == 0 else 3)]
            for n, grid in enumerate(self.grids)
        ]
        if out is not None:
            self.fields[0][1] = out

    def __call__(self, b: Single, n: int = 0) -> Single:
        """An approximation of the solution for a right-hand side on grid n."""
        grid = self.grids[n]
        u, v = self.fields[n][:2]
        if grid.joined is None:
            v[:] = (self.inverse @ b.ravel().astype(float)).reshape(v.shape) * (grid.inverse > 0)
            return v
        planes, cells = u.shape[0], u.size
        over_slabs(planes, cells, kernels.first_smooth, b, grid.inverse, self.steps[0], u)
        u, v = self._smooth(grid, b, self.steps[1:], u, v)
        coarse, matrix = self.fields[n + 1][2], (grid.matrix, grid.inverse)
        over_slabs(coarse.shape[0], cells, grid.restrict, u, b, *matrix, grid.joined, coarse)
        coarse = self(coarse, n + 1)
        over_slabs(planes, cells, kernels.prolong, coarse, grid.joined, grid.inverse, u)
        return self._smooth(grid, b, self.steps, u, v)[0]

    def _smooth(
        self, grid: Grid, b: Single, steps: Sequence[np.float32], u: Single, v: Single
    ) -> tuple[Single, Single]:
        """All steps on u, each from one of the fields to the other; the last one written first."""
        fields, planes = [u, v], u.shape[0]

        def arguments(n: int) -> tuple[Any, ...]:
            one, other = fields[n % 2], fields[(n + 1) % 2]
            return one, b, grid.matrix, grid.inverse, steps[n], other

        if u.size > LARGE and planes > 2 * len(steps) and count_threads() == 1:
            for first, last, n in in_blocks(planes, len(steps)):
                grid.smooth(first, last, *arguments(n))
        else:
            for n in range(len(steps)):
                over_slabs(planes, u.size, grid.smooth, *arguments(n))
        return fields[len(steps) % 2], fields[(len(steps) + 1) % 2]


def in_blocks(planes: int, steps: int) -> Iterator[tuple[int, int, int]]:
    """Planes first..last-1 and step, in an order that does all steps on a block of planes at once.

    Each step reads the planes beside its own as the step before left them, of which two are kept,
    around the period. A block has steps moved down by a plane each; those that reach over the end
    wait until all others are done. More than 2 x steps planes.
    """
    for block in range(0, planes, BLOCK):
        for n in range(steps):
            first, last = max(n, block - n), min(planes - n, block + BLOCK - n)
            if first < last:
                yield first, last, n
    for n in range(1, steps):
        yield 0, n, n
        yield planes - n, planes, n
