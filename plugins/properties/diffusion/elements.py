"""Conduction in a periodic volume whose phases have full tensors: trilinear elements, one a voxel.

Temperatures (or potentials) stand at the corners of voxels. An element is described by its seven
trilinear modes, which are orthogonal; the gradient maps each to others, so that no element matrix
is needed. Conjugate gradients, preconditioned by the same elements with one mean tensor, whose
inverse the Fourier transform gives.

bytes a voxel: 72 of tensors, 56 of vectors for each direction; at work 330 in all with one
direction, 460 with three
"""

import time
from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import scipy.fft
import xarray as xr
from numpy.typing import NDArray

from recon.plugins.properties.diffusion.conduction import AXIS, Solved, tabulate
from recon.plugins.properties.diffusion.solver import iterate

Field = NDArray[np.float64]
Modes = dict[tuple[int, ...], Field]
"""Amplitudes by mode: (1, 0, 0) is linear along axis 0, (1, 1, 0) the product of two."""
MODES = [mode for mode in product((0, 1), repeat=3) if any(mode)]


class Elements:
    """Backend of `solver.iterate` for one direction.

    k      (3, 3, z, y, x) conductivity of each voxel in the order of the array axes
    edges  of a voxel along them;  axis  of the mean gradient, which is 1 per length
    """

    def __init__(self, k: Field, edges: tuple[float, float, float], axis: int) -> None:
        self.k, self.factors = k, [2 / edge for edge in edges]
        self.load = self._load(axis)
        mean = np.broadcast_to(k.mean((2, 3, 4), keepdims=True), k.shape)
        delta = np.zeros(k.shape[2:])
        delta.flat[0] = 1
        self.symbol = scipy.fft.rfftn(self._multiply(mean, delta)).real
        self.symbol.flat[0] = np.inf  # a constant is free
        self.r = -self.load
        self.w, self.p, self.q, self.z = (np.zeros_like(delta) for _ in range(4))

    def start(self) -> tuple[float, float]:
        rho = self.precondition()
        self.p = self.z.copy()
        return float(np.vdot(self.r, self.r)), rho

    def apply(self) -> float:
        self.q = self._multiply(self.k, self.p)
        return float(np.vdot(self.p, self.q))

    def advance(self, alpha: float) -> float:
        self.w += alpha * self.p
        self.r -= alpha * self.q
        return float(np.vdot(self.r, self.r))

    def precondition(self) -> float:
        self.z = scipy.fft.irfftn(scipy.fft.rfftn(self.r) / self.symbol, self.r.shape)
        return float(np.vdot(self.r, self.z))

    def turn(self, beta: float) -> None:
        self.p = self.z + beta * self.p

    def fluctuation(self) -> Field:
        return self.w

    def dissipation(self, other: "Elements", i: int, j: int) -> float:
        """Of this field and another, whose mean gradients lie along axes i and j."""
        crossed = np.vdot(self.load, other.w) + np.vdot(other.load, self.w)
        inner = np.vdot(self._multiply(self.k, self.w), other.w)
        return float(self.k[i, j].sum() + crossed + inner)

    def _load(self, axis: int) -> Field:
        """What the mean gradient alone pulls at the corners."""
        modes = {mode: np.zeros(self.k.shape[2:]) for mode in MODES}
        for a in range(3):
            modes[_linear(a)] = self.factors[a] * self.k[a, axis]
        return _gather(modes)

    def _multiply(self, k: Field, u: Field) -> Field:
        """Stiffness times a field: fluxes of the modes, gathered at the corners."""
        c, f = _split(u), self.factors
        flux: Modes = {}
        for a in range(3):
            flux[_linear(a)] = sum(f[a] * f[b] * k[a, b] * c[_linear(b)] for b in range(3))
        own = [f[a] ** 2 * k[a, a] for a in range(3)]
        for a, b in combinations(range(3), 2):
            (third,) = {0, 1, 2} - {a, b}
            total = (own[a] + own[b]) * c[_pair(a, b)]
            total += f[a] * f[third] * k[a, third] * c[_pair(third, b)]
            total += f[b] * f[third] * k[b, third] * c[_pair(third, a)]
            flux[_pair(a, b)] = total / 3
        flux[1, 1, 1] = sum(own) * c[1, 1, 1] / 9
        return _gather(flux)


def solve_elements(
    name: str, k: Field, voxel_size: Sequence[float], axes: Sequence[str], tolerance: float
) -> xr.Dataset:
    """Effective conductivity along each axis, as `Conductor.solve` gives it, with the tensor.

    name  of the property, for messages;  k  as for `Elements`
    """
    z, y, x = (edge / min(voxel_size) for edge in voxel_size)
    fields: dict[str, Elements] = {}
    solved: dict[str, Solved] = {}
    for axis in axes:
        begin, i = time.perf_counter(), AXIS[axis]
        fields[axis] = Elements(k, (z, y, x), i)
        outcome = iterate(fields[axis], float(k[i, i].sum()), axis, tolerance, property=name)
        own = fields[axis].dissipation(fields[axis], i, i) / k[i, i].size
        solved[axis] = Solved(own, outcome, time.perf_counter() - begin)
    result = tabulate(solved)
    pairs = [
        [fields[a].dissipation(fields[b], AXIS[a], AXIS[b]) / k[0, 0].size for b in axes]
        for a in axes
    ]
    names = {"axis": list(axes), "axis2": list(axes)}
    return result.assign(tensor=xr.DataArray(pairs, names, ("axis", "axis2")))


def _linear(a: int) -> tuple[int, ...]:
    return tuple(int(n == a) for n in range(3))


def _pair(a: int, b: int) -> tuple[int, ...]:
    return tuple(int(n in (a, b)) for n in range(3))


def _split(u: Field) -> Modes:
    """Amplitudes of the modes of every voxel, whose first corner has its index."""
    parts: Modes = {(): u}
    for axis in range(3):
        parts = {
            (*mode, odd): (np.roll(part, -1, axis) + (-part if odd else part)) / 2
            for mode, part in parts.items()
            for odd in (0, 1)
        }
    return parts


def _gather(flux: Modes) -> Field:
    """The adjoint of `_split`; the constant has no flux."""
    parts = {(0, 0, 0): np.zeros_like(flux[1, 1, 1]), **flux}
    for axis in (2, 1, 0):
        joined: Modes = {}
        for mode, part in parts.items():
            shifted = np.roll(part, 1, axis)
            add = (shifted - part if mode[-1] else shifted + part) / 2
            joined[mode[:-1]] = joined[mode[:-1]] + add if mode[:-1] in joined else add
        parts = joined
    return parts[()]
