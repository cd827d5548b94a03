"""One direction of flow: what carries it, the solve, and what its velocities tell."""

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.stokes.cpu import Cpu
from recon.plugins.properties.stokes.solver import Backend, Outcome, Watch, iterate
from recon.plugins.properties.stokes.system import System
from recon.plugins.structure.clusters import Clusters

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
SINGLE = 1e-6
"""Tolerance from which on vectors are in single precision, whose rounding costs some 1e-7."""
Mask = NDArray[np.bool_]
Single = NDArray[np.float32]
Double = NDArray[np.float64]
State = tuple[Single, Single]


@attrs.frozen(eq=False)
class Flow:
    """A solved direction, in units of the square of the shortest edge; array axes z, y, x.

    permeability  along the axis;  column  (3,) of the tensor, permeability included
    tortuosity    mean speed over mean velocity along the axis
    quantiles     of the speed in the fluid over its mean there
    velocity      (3, z, y, x) at the voxel centres
    """

    permeability: float
    column: Double
    outcome: Outcome
    tortuosity: float
    quantiles: Double
    velocity: Single


@attrs.frozen(eq=False)
class Pores:
    """Fluid in a volume, and how it is driven.

    drive   "periodic": a force in a periodic volume; "sealed" or "open": a pressure drop between
            two faces, with walls around the sides or periodic ones
    device  "cpu" (numba) or a device of torch
    """

    fluid: Mask
    voxel_size: Sequence[float]
    drive: str
    device: str = "cpu"

    def carrying(self, axis: int) -> Mask:
        """The fluid that leads from end to end along an axis, and on and on when periodic."""
        if self.drive != "open":
            clusters = Clusters(self.fluid, self.drive == "periodic")
            return clusters.carrying(axis)[clusters.index]
        clusters = Clusters(np.pad(self.fluid, [(0, int(n == axis)) for n in range(3)]), True)
        numbers = np.moveaxis(clusters.whole[clusters.index], axis, 0)[:-1]
        through = np.intersect1d(numbers[0], numbers[-1])
        return np.moveaxis(np.isin(numbers, through[through > 0]), 0, axis)

    def system(self, carrying: Mask, axis: int) -> System:
        """The system of the fluid that carries; the axis of a pressure drop comes first."""
        order = self._order(axis)
        return System.of(
            np.ascontiguousarray(carrying.transpose(order)),
            [self.voxel_size[n] for n in order],
            order.index(axis),
            drop=self.drive != "periodic",
            sealed=self.drive == "sealed",
        )

    def backend(self, system: System, tolerance: float) -> Backend:
        """The vectors of a solve, in single precision where that is enough."""
        if self.device == "cpu":
            return Cpu(system, np.float32 if tolerance >= SINGLE else np.float64)
        from recon.plugins.properties.stokes.gpu import Gpu

        return Gpu(system, self.device)

    def solve(
        self,
        carrying: Mask,
        axis: int,
        name: str,
        tolerance: float,
        earlier: dict[int, State],
        watch: Watch,
    ) -> Flow:
        """The flow along an axis.

        earlier  solutions along other axes, for the tensor of a periodic volume, each stationary
                 like the permeability; this one is added
        """
        if not carrying.any():
            still = np.zeros((3, *carrying.shape), np.float32)
            quantiles = np.zeros(len(QUANTILES))
            return Flow(0.0, np.zeros(3), Outcome(0, 0, 0, 0), np.inf, quantiles, still)
        system = self.system(carrying, axis)
        backend = self.backend(system, tolerance)
        load = float((system.force * system.active.sum((2, 3))).sum())
        outcome = iterate(backend, load, name, tolerance, watch=watch)
        u, p = backend.state()
        velocity = self._at_centres(u, axis)
        column = velocity.mean((1, 2, 3), dtype=np.float64)
        column[axis] = outcome.work / system.voxels
        if self.drive == "periodic":
            for other, (v, q) in earlier.items():
                r, s = backend.rest()
                rest = np.sum(v * r, dtype=np.float64) + np.sum(q * s, dtype=np.float64)
                work = float(u[other].sum(dtype=np.float64) + rest)
                column[other] = work / system.voxels
            earlier[axis] = u.astype(np.float32), p.astype(np.float32)
        speed = np.sqrt(np.square(velocity).sum(0))
        tortuosity = float(speed.mean(dtype=np.float64) / velocity[axis].mean(dtype=np.float64))
        inside = speed[self.fluid]
        quantiles = np.quantile(inside, QUANTILES) / inside.mean(dtype=np.float64)
        return Flow(column[axis], column, outcome, tortuosity, quantiles, velocity)

    def _order(self, axis: int) -> list[int]:
        """Array axes of the volume in the order of the system's."""
        periodic = self.drive == "periodic"
        return [0, 1, 2] if periodic else [axis, *(n for n in range(3) if n != axis)]

    def _at_centres(self, u: Double, axis: int) -> Single:
        """Velocity at the voxel centres: the mean of both faces, the axes those of the volume."""
        order = self._order(axis)
        z, y, x = (self.fluid.shape[n] for n in order)
        velocity = np.empty((3, *self.fluid.shape), np.float32)
        for n, component in enumerate(order):
            both = u[n] + np.roll(u[n], 1, n)
            both /= 2
            velocity[component] = both[:z, :y, :x].transpose(np.argsort(order))
        return velocity
