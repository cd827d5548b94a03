"""One grid of the hierarchy in torch, and the work that a V-cycle asks of it."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.plugins.properties.elasticity import torch_elements as elements
from recon.plugins.properties.elasticity import torch_transfer
from recon.plugins.properties.elasticity.moduli import corner_block, unpacked
from recon.plugins.properties.elasticity.multigrid import Grid, dense

# Nodes times cases that are worked on at a time. Temporaries take up to 40 vectors of them: 4 GB in
# double precision, half of it in single.
SLAB = 2**22


@attrs.define(eq=False)
class TorchLevel:
    """Elements of one grid in its precision, with scratch fields (Z, Y, cases, 3, X).

    fuse  whether a compiler joins the element arithmetic into few kernels (on a GPU)
    """

    grid: Grid
    cases: int
    device: torch.device = attrs.field(converter=torch.device)
    fuse: bool = False
    index: Tensor = attrs.field(init=False)
    table: Tensor = attrs.field(init=False)
    blocks: Tensor = attrs.field(init=False)
    fields: dict[str, Tensor] = attrs.field(init=False)
    transfer: torch_transfer.Transfer | None = attrs.field(init=False, default=None)
    inverse: Tensor | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        small = np.uint8 if len(self.grid.table) <= 256 else np.int32
        index = np.pad(self.grid.index.astype(small), ((1, 0),) * 3, mode="wrap")
        self.index = self.array(index)
        self.table = self.columns(self.grid.table.astype(self.grid.dtype))
        Z, Y, X = self.grid.index.shape
        self.blocks = torch.empty((Z, Y, 6, X), dtype=self.table.dtype, device=self.device)
        parts = self.array(_corner_parts(self.grid.table.shape[1]))
        self._layers(elements.inverse_blocks, self.blocks, self.table.double(), parts)
        self.fields = {name: self.blocks.new_zeros((Z, Y, self.cases, 3, X)) for name in "bxy"}
        if self.grid.axes is None:
            self.inverse = self.array(dense(self.grid))
        else:
            axes = zip(self.grid.axes, (0, 1, 4), strict=True)
            z, y, x = (torch_transfer.Axis.of(axis, dim, self.blocks) for axis, dim in axes)
            scale = self.array(self.grid.scale).to(self.blocks).view(3, 1)
            self.transfer = torch_transfer.Transfer(z, y, x, scale)

    def array(self, values: NDArray[Any]) -> Tensor:
        """A numpy array as the fields are stored."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def numpy(self, values: Tensor) -> NDArray[Any]:
        """A field as a numpy array."""
        return np.asarray(values.cpu())

    def columns(self, table: NDArray[Any]) -> Tensor:
        """A table (M, ...) as columns (..., M), so that what is gathered is contiguous."""
        return self.array(np.moveaxis(table, 0, -1))

    def begin(self, b: Tensor, weight: float, out: Tensor) -> None:
        """out = weight D b: a relaxation that starts from zero."""
        for start, stop in slabs(out):
            part = slice(start, stop)
            out[part] = elements.begin(b[part], self.blocks[part], self._scalar(weight))

    def relax(self, x: Tensor, b: Tensor, weight: float, out: Tensor) -> None:
        """out = x + weight D (b - K x)."""
        fields = (b, self.blocks)
        self.sweep(elements.relax, x, self.table, out, fields, (self._scalar(weight),))

    def residual(self, x: Tensor, b: Tensor, out: Tensor) -> None:
        """out = b - K x."""
        self.sweep(elements.residual, x, self.table, out, (b,))

    def force(self, stress: Tensor, out: Tensor) -> None:
        """out = the nodal forces of a stress (cases, 6, M); see `force`."""
        self._layers(elements.force, out, stress)

    def restrict(self, fine: Tensor, out: Tensor) -> None:
        """To the right-hand side of the next coarser grid."""
        assert self.transfer is not None
        for start, stop in slabs(out, fine[0]):
            out[start:stop] = self.transfer.restricted(fine, start, stop)

    def interpolate_add(self, coarse: Tensor, out: Tensor) -> None:
        """out += the correction of the next coarser grid."""
        assert self.transfer is not None
        for start, stop in slabs(out):
            out[start:stop] += self.transfer.interpolated(coarse, start, stop)

    def solve(self, b: Tensor, out: Tensor) -> None:
        """The coarsest grid: every case times the pseudo-inverse."""
        assert self.inverse is not None
        columns = b.movedim(2, 0)
        solved = columns.reshape(len(columns), -1) @ self.inverse
        out.copy_(solved.view(columns.shape).movedim(0, 2))

    def sweep(
        self,
        function: Callable[..., Tensor],
        x: Tensor,
        table: Tensor,
        out: Tensor,
        fields: tuple[Tensor, ...] = (),
        constants: tuple[Tensor, ...] = (),
    ) -> None:
        """out = the function of x, the moduli and other fields, slab by slab; out is not x."""
        if self.fuse and x.is_cuda:
            function = fused(function)
        for start, stop in slabs(out):
            given = (field[start:stop] for field in fields)
            index = self.index[start : stop + 1]
            out[start:stop] = function(_halo(x, start, stop), index, table, *given, *constants)

    def _layers(self, function: Callable[..., Tensor], out: Tensor, *tables: Tensor) -> None:
        for start, stop in slabs(out):
            out[start:stop] = function(self.index[start : stop + 1], *tables)

    def _scalar(self, weight: float) -> Tensor:
        return self.blocks.new_full((), weight)


def slabs(out: Tensor, layer: Tensor | None = None) -> Iterator[tuple[int, int]]:
    """Ranges of layers of a field; their size is set by a layer of it or by another one."""
    values = (out[0] if layer is None else layer).numel() // 3
    count = max(1, SLAB // max(values, 1))
    for start in range(0, len(out), count):
        yield start, min(start + count, len(out))


def _halo(x: Tensor, start: int, stop: int) -> Tensor:
    """Layers start - 1 .. stop of a periodic field; a view where the ends are not needed."""
    n = len(x)
    if start > 0 and stop < n:
        return x[start - 1 : stop + 1]
    return x[torch.arange(start - 1, stop + 1, device=x.device) % n]


def _corner_parts(columns: int) -> NDArray[np.float64]:
    """`corner_block` as a matrix (columns, 24) that acts on packed moduli."""
    alike, signed = corner_block(*unpacked(np.eye(columns)))
    return np.concatenate([alike[:, None], signed], 1).reshape(columns, 24)


@cache
def fused(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function compiled, or as it is from the first time on that compiling fails."""
    compiled: Callable[..., Tensor] | None = torch.compile(function, dynamic=True)

    def call(*tensors: Tensor) -> Tensor:
        nonlocal compiled
        if compiled is not None:
            try:
                return compiled(*tensors)
            except torch.cuda.OutOfMemoryError:
                raise
            except Exception:  # whatever the compiler lacks here, the answer is the same without
                compiled = None
        return function(*tensors)

    return call
