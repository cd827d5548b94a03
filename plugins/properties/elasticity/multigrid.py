"""Geometric multigrid on voxel elements: the preconditioner, in single precision where it serves.

Grids are coarsened by about two along the axes with the shortest edges; coarse elements take the
mean stiffness of those they cover; nodes are interpolated linearly. The smoother is a Chebyshev
polynomial in the nodal diagonal blocks, the coarsest grid is solved by its pseudo-inverse. Between
moduli further apart than single precision resolves, rounding errors of the stiff parts would drown
the forces of the soft ones: there all is in double precision.
"""

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.elasticity import moduli
from recon.plugins.properties.elasticity.transfer import Axis, averaged

COARSEST = 125  # nodes
CONTRAST = 1e5  # of the moduli, up to which single precision serves
STEPS, RATIO = 2, 6.0  # of the smoother: its degree, and the part of the spectrum that it damps
Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class Grid:
    """Elements of one level, the same for every device.

    index  (Z, Y, X) the row of the table that holds the moduli of an element
    table  packed moduli on the unit grid, (M, 9), (M, 21) or twice as many
    axes   interpolation along z, y, x from the next coarser grid; None on the coarsest
    scale  factors of the components x, y, z in that interpolation
    dtype  of the preconditioner's numbers
    """

    index: NDArray[Any]
    table: Floats
    axes: tuple[Axis, Axis, Axis] | None
    scale: Floats
    dtype: type[np.floating[Any]] = np.float32


@attrs.frozen(eq=False)
class Multigrid:
    """A V-cycle over levels, the finest first.

    weights  factors of the relaxation steps before the coarse grid; after it in reverse, so that
             the cycle is symmetric
    """

    levels: list[Any]
    weights: tuple[float, ...]

    @classmethod
    def of(cls, levels: list[Any]) -> "Multigrid":
        """With the smoother that suits the finest level."""
        return cls(levels, chebyshev(spectral_radius(levels[0]), STEPS, RATIO))

    def solve(self, b: Any, x: Any, number: int = 0) -> None:
        """x = an approximate solution of K x = b on level `number`."""
        level = self.levels[number]
        if number + 1 == len(self.levels):
            level.solve(b, x)
            return
        free = level.fields["y"]
        if len(self.weights) % 2 == 0:
            x, free = free, x
        level.begin(b, self.weights[0], x)
        for weight in self.weights[1:]:
            level.relax(x, b, weight, free)
            x, free = free, x
        level.residual(x, b, free)
        below = self.levels[number + 1].fields
        level.restrict(free, below["b"])
        self.solve(below["b"], below["x"], number + 1)
        level.interpolate_add(below["x"], x)
        for weight in reversed(self.weights):
            level.relax(x, b, weight, free)
            x, free = free, x


def grids(
    index: NDArray[Any],
    stiffness: Floats,
    edges: tuple[float, float, float],
    varying: Floats | None = None,
) -> Iterator[Grid]:
    """The hierarchy from the elements of the finest grid on.

    index    (Z, Y, X) rows of stiffness (M, 6, 6);  edges  of a voxel along x, y, z
    varying  stiffness of the varying strain, where it differs
    """
    size = np.array(edges, float)
    dtype = precision(index, stiffness)
    while True:
        own = None if varying is None else moduli.on_unit_grid(varying, size)
        table = moduli.packed(moduli.on_unit_grid(stiffness, size), own)
        shape = index.shape
        coarse = coarser(shape, tuple(size[::-1]))
        if index.size <= COARSEST or coarse == shape:
            yield Grid(index, table, None, np.ones(3), dtype)
            return
        factors = np.array([n / m for n, m in zip(shape, coarse, strict=True)])[::-1]
        z, y, x = (Axis.between(n, m) for n, m in zip(shape, coarse, strict=True))
        yield Grid(index, table, (z, y, x), 1 / factors, dtype)
        if varying is not None:
            varying = mean_stiffness(index, varying, (z, y, x))
        stiffness = mean_stiffness(index, stiffness, (z, y, x))
        index = np.arange(np.prod(coarse), dtype=np.int32).reshape(coarse)
        size = size * factors


def precision(index: NDArray[Any], stiffness: Floats) -> type[np.floating[Any]]:
    """Single or double, by the largest moduli of the materials that are there and not void."""
    present = np.bincount(index.ravel(), minlength=len(stiffness)) > 0
    largest = np.abs(stiffness[present]).max((1, 2))
    solid = largest[largest > 0]
    apart = solid.size > 0 and solid.max() > CONTRAST * solid.min()
    return np.float64 if apart else np.float32


def coarser(shape: tuple[int, ...], edges: tuple[float, ...]) -> tuple[int, ...]:
    """Half the nodes, rounded up, along those axes whose edges are near the shortest."""
    able = [edge for n, edge in zip(shape, edges, strict=True) if n > 3]
    near = 1.5 * min(able) if able else 0
    return tuple(
        -(-n // 2) if n > 3 and edge <= near else n for n, edge in zip(shape, edges, strict=True)
    )


def mean_stiffness(index: NDArray[Any], stiffness: Floats, axes: tuple[Axis, Axis, Axis]) -> Floats:
    """Mean stiffness (N, 6, 6) over the elements of the next coarser grid."""
    total: Any = 0
    if len(stiffness) <= 16:
        for k, C in enumerate(stiffness):
            share = averaged((index == k).astype(np.float32), axes).reshape(-1, 1, 1)
            total = total + share.astype(np.float64) * C
        return np.asarray(total)
    upper = [(i, j) for i in range(6) for j in range(i, 6)]
    means = [averaged(stiffness[:, i, j][index], axes).reshape(-1) for i, j in upper]
    out = np.zeros((means[0].size, 6, 6))
    for mean, (i, j) in zip(means, upper, strict=True):
        out[:, i, j] = out[:, j, i] = mean
    return out


def chebyshev(largest: float, steps: int, ratio: float) -> tuple[float, ...]:
    """Weights of `steps` relaxations that damp the eigenvalues largest / ratio .. largest."""
    low = largest / ratio
    angles = (2 * np.arange(steps) + 1) * np.pi / (2 * steps)
    roots = (largest + low) / 2 + (largest - low) / 2 * np.cos(angles)
    return tuple(float(1 / root) for root in roots)


def spectral_radius(level: Any, steps: int = 10) -> float:
    """Largest eigenvalue of D K, by power iteration and 10 per cent more."""
    Z, Y, X = level.grid.index.shape
    start = np.random.default_rng(0).standard_normal((Z, Y, 1, 3, X), np.float32)
    start = start.astype(level.grid.dtype)
    x, value = level.array(start), 1.0
    y, zero = level.array(np.zeros_like(start)), level.array(np.zeros_like(start))
    for _ in range(steps):
        level.residual(x, zero, y)  # -K x, whose size is that of K x
        level.begin(y, 1.0, x)
        value = float((x * x).sum()) ** 0.5
        x /= value or 1.0
    return 1.1 * value or 1.0


def dense(grid: Grid) -> NDArray[Any]:
    """Pseudo-inverse of the matrix of a small grid, nodes in the order z, y, component, x."""
    number = np.arange(3 * grid.index.size).reshape(*grid.index.shape[:2], 3, -1)
    corners = [np.roll(number, [-(s > 0) for s in c[::-1]], (0, 1, 3)) for c in moduli.CORNERS]
    degrees = np.stack([c[:, :, i] for c in corners for i in range(3)], -1).reshape(-1, 24)
    elements = moduli.element_matrices(*moduli.unpacked(grid.table))[grid.index.ravel()]
    matrix = np.zeros((number.size, number.size))
    np.add.at(matrix, (degrees[:, :, None], degrees[:, None, :]), elements)
    return np.linalg.pinv(matrix, rcond=1e-12, hermitian=True).astype(grid.dtype)
