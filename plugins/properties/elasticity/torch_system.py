"""The load cases on a torch device: fields in double precision, the preconditioner in its own."""

from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.plugins.properties.elasticity import torch_elements as elements
from recon.plugins.properties.elasticity.multigrid import Grid, Multigrid
from recon.plugins.properties.elasticity.torch_level import TorchLevel, slabs

Floats = NDArray[np.float64]


@attrs.define(eq=False)
class TorchSystem:
    """A `System` of conjugate gradients in torch.

    For six cases 576 bytes a voxel, and the preconditioner 285 in single precision, twice as much
    in double: 14.4 GB at 256^3 with it in single, and up to 4 GB of temporaries whatever the size
    (`torch_level.SLAB`). Sums are deterministic.

    table  columns (9 or 21, M) of the moduli of the voxels in double precision
    """

    multigrid: Multigrid
    table: Tensor
    x: Tensor
    r: Tensor
    p: Tensor
    q: Tensor

    @classmethod
    def of(
        cls, grids: list[Grid], cases: int, device: str | torch.device, fuse: bool = False
    ) -> "TorchSystem":
        """From the hierarchy, finest first; all fields are zero.

        fuse  compile the element arithmetic for a GPU: worth its seconds for many or large volumes
        """
        levels = [TorchLevel(grid, cases, device, fuse) for grid in grids]
        Z, Y, X = grids[0].index.shape
        fields = [
            torch.zeros((Z, Y, cases, 3, X), dtype=torch.float64, device=device) for _ in range(4)
        ]
        table = levels[0].columns(grids[0].table)
        return cls(Multigrid.of(levels), table, *fields)

    @property
    def finest(self) -> TorchLevel:
        """The level of the voxels."""
        level: TorchLevel = self.multigrid.levels[0]
        return level

    def load(self, stress: Floats) -> None:
        """r = the nodal forces of a stress (M, cases, 6) in the elements; x = p = 0."""
        self.x.zero_()
        self.p.zero_()
        self.force(stress, self.r)
        self.finest.fields["b"].copy_(self.r)

    def force(self, stress: Floats, out: Tensor) -> None:
        """out = the nodal forces of a stress (M, n, 6) in the elements, -div."""
        self.finest.force(self.finest.columns(-stress / 4), out)

    def work(self, stress: Floats) -> Floats:
        """Work of the forces of a stress (M, n, 6) on the displacements: (n, cases); uses up q."""
        shape = (*self.x.shape[:2], stress.shape[1], *self.x.shape[3:])
        out = self.q if shape == self.q.shape else self.q.new_empty(shape)
        self.force(stress, out)
        return self._numpy(gram(out, self.x))

    def displacement(self, case: int) -> NDArray[Any]:
        """Displacements (Z, Y, 3, X) of a case."""
        return self._numpy(self.x[:, :, case])

    def norms(self) -> Floats:
        return self._numpy(norms(self.r))

    def precondition(self) -> None:
        self.multigrid.solve(self.finest.fields["b"], self.finest.fields["x"])

    def coupling(self) -> Floats:
        return self._numpy(gram(self.q, self.finest.fields["x"]))

    def turn(self, b: Floats) -> None:
        turn(self.p, self.finest.fields["x"], self.finest.array(b))

    def multiply(self) -> None:
        self.finest.sweep(elements.product, self.p, self.table, self.q)

    def grams(self) -> tuple[Floats, Floats]:
        energy, force = self._numpy(torch.stack((gram(self.p, self.q), gram(self.p, self.r))))
        return energy, force

    def step(self, a: Floats) -> Floats:
        single = self.finest.fields["b"]
        return self._numpy(step(self.x, self.r, self.p, self.q, self.finest.array(a), single))

    def _numpy(self, values: Tensor) -> NDArray[Any]:
        array: NDArray[Any] = self.finest.numpy(values)
        return array


def gram(a: Tensor, b: Tensor) -> Tensor:
    """a_i . b_j of all cases i, j: partial sums for each row of nodes, then their sum."""
    total = a.new_zeros((a.shape[2], b.shape[2]))
    for start, stop in slabs(a):
        p, q = _rows(a[start:stop]), _rows(b[start:stop])
        total += torch.bmm(p, q.to(p.dtype).mT).sum(0)
    return total


def norms(a: Tensor) -> Tensor:
    """|a_i| of every case."""
    total = a.new_zeros(a.shape[2])
    for start, stop in slabs(a):
        total += _rows(a[start:stop]).square().sum((0, 2))
    return total.sqrt()


def turn(p: Tensor, z: Tensor, b: Tensor) -> None:
    """p = z + p b."""
    for start, stop in slabs(p):
        old = _rows(p[start:stop])
        new = _rows(z[start:stop]).to(p.dtype)
        old.copy_(new.baddbmm_(_each(b, old), old))


def step(x: Tensor, r: Tensor, p: Tensor, q: Tensor, a: Tensor, single: Tensor) -> Tensor:
    """x += p a, r -= q a, single = r; returns |r| of every case."""
    for start, stop in slabs(x):
        part = slice(start, stop)
        factors = _each(a, _rows(p[part]))
        _rows(x[part]).baddbmm_(factors, _rows(p[part]))
        _rows(r[part]).baddbmm_(factors, _rows(q[part]), alpha=-1)
    single.copy_(r)
    return norms(r)


def _rows(a: Tensor) -> Tensor:
    """(rows of nodes, cases, 3 X): a view."""
    return a.view(-1, a.shape[2], a.shape[3] * a.shape[4])


def _each(factors: Tensor, rows: Tensor) -> Tensor:
    """Factors (cases, cases) that act on every row from the left."""
    return factors.mT.expand(len(rows), -1, -1)
