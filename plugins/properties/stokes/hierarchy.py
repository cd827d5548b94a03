"""Grids of the two multigrid cycles: one component of the velocity, and the pressure.

Both are conductances between neighbours and a sink in every cell: to the walls for a velocity, to
the reservoirs for the pressure. Cells are joined as those of the diffusion. Sinks are summed and
reduced, since the walls are farther from a coarser centre; halving is right for a plane wall, 0.6
gave the smallest condition number on pores of all kinds (0.4 to 1 tried).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.diffusion.hierarchy import Level, choose_joined, join_faces
from recon.plugins.properties.diffusion.multigrid import weights
from recon.plugins.properties.stokes.system import System

FARTHER = 0.6
# Narrow throats inside joined cells make the slow modes of the pressure slower still: its cycle is
# smoothed longer, and its inverse doubled. Of degrees 3 to 8 and factors 1/4 to 1, on sandstone
# (128^3: 15 steps, with the cycle of the diffusion 32), blobs, spheres, noise, a slit and a duct.
PRESSURE_STEPS = tuple(weights(8, (0.05, 2.0)))
SLOWER = np.float32(0.5)
ROUNDING = np.float32(1e-6)
Single = NDArray[np.float32]
Scale = tuple[float, float, float]


def velocity_levels(system: System, component: int, diagonal: Single) -> Iterator[Level]:
    """Grids of the viscous matrix of one component; bonds are counted in halves to be integers."""
    exists = system.active[component]
    halves = tuple(
        exists * np.roll(exists, -1, n) * (2 * system.bonds(component, n, 1)).astype(np.uint8)
        for n in range(3)
    )
    z, y, x = (value / 2 for value in system.scale)
    sink = exists * (diagonal - _sums(halves, (z, y, x)))
    sink[sink < ROUNDING * diagonal] = 0
    yield from _levels(halves, diagonal, sink, (z, y, x))


def pressure_levels(system: System, conductance: Single) -> Iterator[Level]:
    """Grids of Darcy's law in the pores: div(conductance grad p), times SLOWER.

    conductance  (3, z, y, x) velocity for a unit force on each control volume without pressure
    """
    faces = [SLOWER * conductance[n] for n in range(3)]
    sink = np.zeros(system.shape, np.float32)
    if system.drop:
        ends = np.float32(system.scale[0]) * faces[0][-2:]
        sink[-2] += ends[0]
        sink[0] += ends[1]
        faces[0][-2:] = 0
    diagonal = _sums(faces, system.scale) + sink
    diagonal[diagonal <= 0] = 1
    yield from _levels(tuple(faces), diagonal, sink, system.scale)


def _levels(
    faces: tuple[Any, ...], diagonal: Single, sink: Single, scale: Scale
) -> Iterator[Level]:
    spacing = np.array(scale)
    while True:
        joined = choose_joined(diagonal.shape, spacing)
        yield Level(faces, diagonal, scale, joined, sink if joined is None else None)
        if joined is None:
            return
        for axis, k in enumerate(joined):
            if k == 2:
                sink = _pairs(sink, axis)
        faces, sink = join_faces(faces, joined), sink * np.float32(FARTHER)
        diagonal = _sums(faces, scale) + sink
        diagonal[diagonal <= 0] = 1
        spacing = spacing / np.array(joined) ** 2


def _pairs(field: Single, axis: int) -> Single:
    """Sums of two neighbours each along an axis."""
    there: list[slice] = [slice(None)] * axis
    sums = field[*there, ::2].copy()
    odd = field[*there, 1::2]
    sums[*there, : odd.shape[axis]] += odd
    return sums


def _sums(faces: Any, scale: Scale) -> Single:
    """Conductances of the six faces of each cell."""
    total = np.zeros(faces[0].shape, np.float32)
    for axis, (face, factor) in enumerate(zip(faces, scale, strict=True)):
        weighted = face if factor == 1 else np.float32(factor) * face
        there: list[slice] = [slice(None)] * axis
        total += weighted
        total[*there, 1:] += weighted[*there, :-1]
        total[*there, :1] += weighted[*there, -1:]
    return total
