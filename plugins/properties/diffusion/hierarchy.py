"""Coarse grids of a diffusion system for the multigrid preconditioner.

Cells are joined in pairs along every axis whose coupling is strong (all three when voxels are
cubes). A coarse conductance is the sum of the fine ones that cross the same coarse face, halved
along the joined axes because centres move apart: Galerkin's product with piecewise constant
interpolation, over-corrected by the factor 2 that makes it consistent.

Braess, Computing 55, 379 (1995).
"""

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.diffusion.kernels import compiled
from recon.plugins.properties.diffusion.system import System

COARSEST = 128
STRONG = 0.3


@attrs.frozen(eq=False)
class Level:
    """One grid: its matrix, and how it is coarsened.

    faces     conductances, float32; uint8 on the finest grid when they are 0 or 1
    diagonal  that of the matrix; 1 where nothing conducts, so that dividing by it is safe
    joined    cells joined along each axis to get the next level: 1 or 2; None at the last one
    sink      of the last one: conductance of each cell to what is fixed
    """

    faces: tuple[NDArray[Any], ...]
    diagonal: NDArray[np.float32]
    scale: tuple[float, float, float]
    joined: tuple[int, int, int] | None
    sink: NDArray[np.float32] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Cells along each array axis."""
        z, y, x = self.diagonal.shape
        return z, y, x


def levels(system: System) -> Iterator[Level]:
    """All grids, the finest first."""
    double = system.faces[0].dtype == np.float64
    faces = tuple(face.astype(np.float32) if double else face for face in system.faces)
    ends = system.ends.astype(np.float32)
    spacing = np.array(system.scale)
    while True:
        diagonal = np.empty(faces[0].shape, np.float32)
        scale = np.array(system.scale, np.float32)
        _add_faces(*faces, scale, diagonal)
        diagonal[0] += scale[0] * ends[0]
        diagonal[-1] += scale[0] * ends[1]
        diagonal[diagonal <= 0] = 1
        joined = choose_joined(diagonal.shape, spacing)
        if joined is None:
            sink = np.zeros_like(diagonal)
            sink[0] += np.float32(system.scale[0]) * ends[0]
            sink[-1] += np.float32(system.scale[0]) * ends[1]
            yield Level(faces, diagonal, system.scale, None, sink)
            return
        yield Level(faces, diagonal, system.scale, joined)
        faces, ends = join_faces(faces, joined), _join_ends(ends, joined)
        spacing = spacing / np.array(joined) ** 2


def choose_joined(
    shape: tuple[int, ...], spacing: NDArray[np.float64]
) -> tuple[int, int, int] | None:
    """Cells to join along each axis, None when the grid is small enough to be solved directly."""
    if np.prod(shape) <= COARSEST:
        return None
    longer = np.array(shape) > 1
    strong = longer & (spacing >= STRONG * spacing[longer].max())
    z, y, x = (2 if join else 1 for join in strong)
    return z, y, x


def matrix(level: Level) -> NDArray[np.float64]:
    """The dense matrix of the last grid: rows sum to their sinks, but for rounding in double."""
    assert level.sink is not None
    dense = np.diag(level.sink.astype(float).ravel())
    index = np.arange(len(dense)).reshape(level.shape)
    for axis, (face, scale) in enumerate(zip(level.faces, level.scale, strict=True)):
        here, there = index.ravel(), np.roll(index, -1, axis).ravel()
        g = scale * face.astype(float).ravel()
        for row, column, value in (
            (here, here, g),
            (there, there, g),
            (here, there, -g),
            (there, here, -g),
        ):
            np.add.at(dense, (row, column), value)
    return dense


def join_faces(
    faces: tuple[NDArray[Any], ...], joined: tuple[int, int, int]
) -> tuple[NDArray[np.float32], ...]:
    """Coarse conductances; those of a face between a cell and itself are zero."""
    coarse = [-(-n // k) for n, k in zip(faces[0].shape, joined, strict=True)]
    wider = tuple(np.zeros(coarse, np.float32) for _ in range(3))
    # Those of the finest grid are bytes, and would be a second signature of the loops.
    single = (face.astype(np.float32, copy=False) for face in faces)
    _join_faces(*single, *joined, *wider)
    return wider


def _join_ends(ends: NDArray[np.float32], joined: tuple[int, int, int]) -> NDArray[np.float32]:
    kz, ky, kx = joined
    sums = np.add.reduceat(ends, np.arange(0, ends.shape[1], ky), axis=1)
    sums = np.add.reduceat(sums, np.arange(0, ends.shape[2], kx), axis=2)
    return (sums / kz).astype(np.float32)


@compiled
def _add_faces(gz, gy, gx, scale, diagonal):  # type: ignore[no-untyped-def]
    """Conductances of the six faces of each cell."""
    nz, ny, nx = gz.shape
    sz, sy, sx = scale
    t = np.empty(nx, np.float32)
    for z in range(nz):
        below = z - 1 if z > 0 else nz - 1
        for y in range(ny):
            south = y - 1 if y > 0 else ny - 1
            for x in range(nx):
                t[x] = sz * (gz[z, y, x] + gz[below, y, x])
            for x in range(nx):
                t[x] += sy * (gy[z, y, x] + gy[z, south, x])
            for x in range(nx):
                t[x] += sx * gx[z, y, x]
            for x in range(nx - 1):
                t[x + 1] += sx * gx[z, y, x]
            t[0] += sx * gx[z, y, nx - 1]
            for x in range(nx):
                diagonal[z, y, x] = t[x]


@compiled
def _join_faces(gz, gy, gx, kz, ky, kx, wz, wy, wx):  # type: ignore[no-untyped-def]
    nz, ny, nx = gz.shape
    for z in range(nz):
        Z = z // kz
        z_face = z % kz == kz - 1 or z == nz - 1
        for y in range(ny):
            Y = y // ky
            if z_face and wz.shape[0] > 1:
                _add(z, y, gz, kx, np.float32(1 / kz), wz, Z, Y)
            if (y % ky == ky - 1 or y == ny - 1) and wy.shape[1] > 1:
                _add(z, y, gy, kx, np.float32(1 / ky), wy, Z, Y)
            if wx.shape[2] > 1:
                weight = np.float32(1 / kx)
                for X in range(nx // kx):
                    wx[Z, Y, X] += weight * gx[z, y, kx * X + kx - 1]
                if nx % kx == 1:
                    wx[Z, Y, nx // kx] += weight * gx[z, y, nx - 1]


@compiled
def _add(z, y, fine, k, weight, coarse, Z, Y):  # type: ignore[no-untyped-def]
    """Row (Z, Y) of coarse += weight times the sums over k cells of row (z, y) of fine."""
    nx = fine.shape[2]
    if k == 1:
        for x in range(nx):
            coarse[Z, Y, x] += weight * fine[z, y, x]
    else:
        for x in range(nx // 2):
            coarse[Z, Y, x] += weight * (fine[z, y, 2 * x] + fine[z, y, 2 * x + 1])
        if nx % 2 == 1:
            coarse[Z, Y, nx // 2] += weight * fine[z, y, nx - 1]
