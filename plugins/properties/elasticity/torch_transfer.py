"""Between a periodic grid and a coarser one in torch: `transfer` on a device."""

from typing import Any

import attrs
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.plugins.properties.elasticity import transfer


@attrs.frozen(eq=False)
class Axis:
    """Interpolation along one array axis of fields (Z, Y, cases, 3, X).

    left, right, weight  of the fine nodes: (1 - w) coarse[left] + w coarse[right]
    seen_by              pairs of fine nodes and weights of the coarse ones, for the transpose
    """

    dim: int
    left: Tensor
    right: Tensor
    weight: Tensor
    seen_by: list[tuple[Tensor, Tensor]]

    @classmethod
    def of(cls, axis: transfer.Axis, dim: int, like: Tensor) -> "Axis":
        """That of the CPU, on the device and in the precision of a tensor."""
        shape = [-1 if d == dim else 1 for d in range(5)]

        def factors(values: NDArray[Any]) -> Tensor:
            return torch.from_numpy(values).to(like).view(shape)

        def nodes(values: NDArray[Any]) -> Tensor:
            return torch.from_numpy(values.astype("int32")).to(like.device)

        pairs = zip(axis.fine_of.T, axis.weight_of.T, strict=True)
        seen_by = [(nodes(fine), factors(weight)) for fine, weight in pairs if weight.any()]
        return cls(dim, nodes(axis.left), nodes(axis.right), factors(axis.weight), seen_by)

    def part(self, start: int, stop: int) -> "Axis":
        """The fine nodes start .. stop - 1, for `interpolate`."""
        chosen = slice(start, stop)
        return attrs.evolve(
            self,
            left=self.left[chosen],
            right=self.right[chosen],
            weight=self.weight.narrow(self.dim, start, stop - start),
            seen_by=[],
        )

    def coarse_part(self, start: int, stop: int) -> "Axis":
        """The coarse nodes start .. stop - 1, for `restrict`."""
        seen_by = [
            (fine[start:stop], weight.narrow(self.dim, start, stop - start))
            for fine, weight in self.seen_by
        ]
        return attrs.evolve(self, seen_by=seen_by)

    def interpolate(self, coarse: Tensor) -> Tensor:
        """Values at the fine nodes."""
        left = coarse.index_select(self.dim, self.left)
        right = coarse.index_select(self.dim, self.right)
        return torch.lerp(left, right, self.weight)

    def restrict(self, fine: Tensor) -> Tensor:
        """The transpose: sums at the coarse nodes."""
        (nodes, weight), *others = self.seen_by
        value = weight * fine.index_select(self.dim, nodes)
        for nodes, weight in others:
            value = torch.addcmul(value, weight, fine.index_select(self.dim, nodes))
        return value


@attrs.frozen(eq=False)
class Transfer:
    """All three axes, and the factors (3, 1) of the components."""

    z: Axis
    y: Axis
    x: Axis
    scale: Tensor

    def interpolated(self, coarse: Tensor, start: int, stop: int) -> Tensor:
        """The coarse field at the fine layers start .. stop - 1."""
        value = self.z.part(start, stop).interpolate(coarse)
        return self.x.interpolate(self.y.interpolate(value)) * self.scale

    def restricted(self, fine: Tensor, start: int, stop: int) -> Tensor:
        """The transpose applied to a fine field, at the coarse layers start .. stop - 1."""
        value = self.z.coarse_part(start, stop).restrict(fine)
        return self.x.restrict(self.y.restrict(value)) * self.scale
