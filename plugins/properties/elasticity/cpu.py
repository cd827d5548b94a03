"""The six load cases on the CPU: fields in double precision, the preconditioner in its own."""

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.elasticity import sweep, vectors
from recon.plugins.properties.elasticity.force import force
from recon.plugins.properties.elasticity.level import Level
from recon.plugins.properties.elasticity.multigrid import Grid, Multigrid

Field = NDArray[Any]
Floats = NDArray[np.float64]


@attrs.define(eq=False)
class Cpu:
    """A `System` of conjugate gradients in numba.

    Six cases take 576 bytes a voxel, and the preconditioner about 330 in single precision, twice
    as much in double.
    """

    multigrid: Multigrid
    x: Field
    r: Field
    p: Field
    q: Field

    @classmethod
    def of(cls, grids: list[Grid], cases: int) -> "Cpu":
        """From the hierarchy, finest first; all fields are zero."""
        Z, Y, X = grids[0].index.shape
        fields = [np.zeros((Z, Y, cases, 3, X)) for _ in range(4)]
        return cls(Multigrid.of([Level(grid, cases) for grid in grids]), *fields)

    @property
    def finest(self) -> Level:
        """The level of the voxels."""
        level: Level = self.multigrid.levels[0]
        return level

    def load(self, stress: Floats) -> None:
        """r = the nodal forces of a stress (M, cases, 6) in the elements; x = 0."""
        self.x[...] = 0
        self.force(stress, self.r)
        self.finest.fields["b"][...] = self.r

    def force(self, stress: Floats, out: Field) -> None:
        """out = the nodal forces of a stress in the elements, -div."""
        force(self.finest.grid.index, -stress.reshape(len(stress), -1) / 4, out)

    def work(self, stress: Floats) -> Floats:
        """Work of the forces of a stress (M, n, 6) on the displacements: (n, cases); uses up q."""
        shape = (*self.x.shape[:2], stress.shape[1], *self.x.shape[3:])
        out = self.q if shape == self.q.shape else np.empty(shape)
        self.force(stress, out)
        return vectors.gram(out, self.x)

    def displacement(self, case: int) -> Field:
        """Displacements (Z, Y, 3, X) of a case."""
        return self.x[:, :, case]

    def norms(self) -> Floats:
        return vectors.norms(self.r)

    def precondition(self) -> None:
        self.multigrid.solve(self.finest.fields["b"], self.finest.fields["x"])

    def coupling(self) -> Floats:
        return vectors.gram(self.q, self.finest.fields["x"])

    def turn(self, b: Floats) -> None:
        vectors.turn(self.p, self.finest.fields["x"], b)

    def multiply(self) -> None:
        grid = self.finest.grid
        sweep.product(self.p, grid.index, grid.table, self.q)

    def grams(self) -> tuple[Floats, Floats]:
        return vectors.gram(self.p, self.q), vectors.gram(self.p, self.r)

    def step(self, a: Floats) -> Floats:
        return vectors.step(self.x, self.r, self.p, self.q, a, self.finest.fields["b"])
