"""Conduction through the phases of a volume, direction by direction: what laws of its form share.

Diffusion, heat, electric current and ions obey one equation; a property says what conducts and how
well, and in which words its numbers are reported.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from itertools import combinations
from pathlib import Path

import attrs
import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray

from recon.core import ReconError
from recon.core.storage.atomic import atomic_output
from recon.plugins.properties.diffusion.cpu import Cpu
from recon.plugins.properties.diffusion.flux import cell_flux, unevenness
from recon.plugins.properties.diffusion.gpu import Gpu
from recon.plugins.properties.diffusion.sensitivity import differentiate
from recon.plugins.properties.diffusion.solver import Backend, Outcome, iterate
from recon.plugins.properties.diffusion.system import System
from recon.plugins.structure.clusters import Clusters

AXIS = {"z": 0, "y": 1, "x": 2}
STRICTER = np.array([1.0, 1e-3, 1e-6])


@attrs.frozen(eq=False)
class Solved:
    """One direction: what flows, how the solve went, and the fluctuation when it is needed."""

    relative: float
    outcome: Outcome
    seconds: float
    fluctuation: NDArray[np.float64] | None = None


@attrs.define(eq=False, slots=False)
class Conductor:
    """Conducting phases of a volume, and how the solve is to go.

    name          of the property, for messages
    classes       (z, y, x) 0 insulates, k is the k-th of the conducting phases
    coefficients  (K, 3) conductivity of each along z, y, x, relative to the largest
    periodic      on all sides; else fixed ends along the direction, no flux through the sides
    """

    name: str
    classes: NDArray[np.uint8]
    coefficients: NDArray[np.float64]
    voxel_size: Sequence[float]
    periodic: bool
    tolerance: float
    device: str

    @cached_property
    def clusters(self) -> Clusters:
        """Connected parts of all that conducts."""
        return Clusters(self.classes > 0, self.periodic)

    def solve(self, axes: Sequence[str], flux: str | None) -> xr.Dataset:
        """Relative conductivity along each axis; periodic: with the tensor.

        flux     zarr to write the flux field of each direction to
        returns  relative, percolates, residual, iterations, seconds (axis), tensor (axis, axis2)
        """
        solved: dict[str, Solved] = {}
        with ExitStack() as stack:
            store = None
            if flux is not None:
                store = stack.enter_context(atomic_output(Path(flux), folder=True))
                zarr.create_group(store, attributes={"components": ["x", "y", "z"]})
            for axis in axes:
                solved[axis] = self._along(axis, store)
        result = tabulate(solved)
        if self.periodic:
            result["tensor"] = self._tensor(solved)
        return result

    def _system(self, carrying: NDArray[np.bool_], axis: int) -> System:
        """The system of the clusters that carry a flux; the axis of flow comes first."""
        order = self._order(axis)
        alive = carrying[self.clusters.index]
        cells = np.where(alive, self.classes, np.uint8(0)).transpose(order)
        return System.of(
            np.ascontiguousarray(cells),
            self.coefficients[:, order],
            [self.voxel_size[n] for n in order],
            axis if self.periodic else 0,
            self.periodic,
        )

    def _order(self, axis: int) -> list[int]:
        """Array axes of the volume in the order of the system's."""
        return [0, 1, 2] if self.periodic else [axis, *(n for n in range(3) if n != axis)]

    def differentiate(self, name: str) -> tuple[float, NDArray[np.float64]]:
        """Relative conductivity along an axis, and its derivative by that of each voxel (z, y, x).

        Of phases that conduct alike in all directions; of a voxel that insulates to the right of 0.
        """
        axis = AXIS[name]
        carrying = self.clusters.carrying(axis)
        if not carrying.any():
            return 0.0, np.zeros(self.classes.shape)
        system, order = self._system(carrying, axis), self._order(axis)
        _, w = self._iterate(system, name)
        alive = np.where(carrying[self.clusters.index], self.classes, 0).transpose(order)
        k = np.append(0.0, self.coefficients[:, 0])[alive]
        derivative = differentiate(system, w, k, self.periodic)
        return _relate(system, w), derivative.transpose(np.argsort(order))

    def _along(self, name: str, store: Path | None) -> Solved:
        begin, axis = time.perf_counter(), AXIS[name]
        carrying = self.clusters.carrying(axis)
        if not carrying.any():
            if store is not None:
                _write(store, name, np.zeros((3, *self.classes.shape), np.float32))
            return Solved(0.0, Outcome(0.0, 0.0, 0), time.perf_counter() - begin)
        system = self._system(carrying, axis)
        outcome, w = self._iterate(system, name)
        relative = _relate(system, w)
        seconds = time.perf_counter() - begin
        if store is not None:
            order = self._order(axis)
            flux = cell_flux(system, w, tuple(self.voxel_size[n] for n in order))
            back = np.argsort(order)
            _write(store, name, flux[back].transpose(0, *(back + 1)))
        return Solved(relative, outcome, seconds, w if self.periodic else None)

    def _iterate(self, system: System, name: str) -> tuple[Outcome, NDArray[np.float64]]:
        """Solve, to a smaller tolerance where the flux of the layers shows that the error is not
        what it was estimated to be: thin layers of poor conductors are seen late.
        """
        for tolerance in self.tolerance * STRICTER:
            backend: Backend = Gpu(system, self.device) if self.device == "cuda" else Cpu(system)
            outcome = iterate(backend, system.linear(), name, tolerance, property=self.name)
            w = backend.fluctuation()
            uneven = unevenness(system, w)
            if uneven <= self.tolerance:
                return outcome, w
        raise ReconError(
            f"{self.name} along {name} did not converge: the flux differs between layers by a "
            f"variance of {uneven:.1e}, tolerance {self.tolerance:.1e}; raise "
            f"{self.name}.tolerance or choose coefficients nearer to each other"
        )

    def _tensor(self, solved: dict[str, Solved]) -> xr.DataArray:
        """The dissipation of each pair of fields, symmetric by construction."""
        tensor, names = np.diag([one.relative for one in solved.values()]), list(solved)
        for i, j in combinations(range(len(names)), 2):
            a, b = AXIS[names[i]], AXIS[names[j]]
            u, v = solved[names[i]].fluctuation, solved[names[j]].fluctuation
            both = self.clusters.carrying(a) & self.clusters.carrying(b)
            if u is None or v is None or not both.any():
                continue
            system = self._system(both, a)
            total = float(system.dissipation(u, v, (a, b)).sum()) / u.size
            tensor[i, j] = tensor[j, i] = total / np.sqrt(system.scale[a] * system.scale[b])
        return xr.DataArray(tensor, {"axis": names, "axis2": names}, ("axis", "axis2"))


def tabulate(solved: dict[str, Solved]) -> xr.Dataset:
    """relative, percolates, residual, iterations, seconds (axis)."""
    relative = np.array([one.relative for one in solved.values()])
    columns = {
        "relative": relative,
        "percolates": relative > 0,
        "residual": [one.outcome.residual for one in solved.values()],
        "iterations": [one.outcome.iterations for one in solved.values()],
        "seconds": [one.seconds for one in solved.values()],
    }
    return xr.Dataset(
        {name: ("axis", values) for name, values in columns.items()}, {"axis": list(solved)}
    )


def _relate(system: System, w: NDArray[np.float64]) -> float:
    """Effective conductivity of a solved system, relative to the largest of the phases."""
    total = system.dissipation(w, w, (system.axis, system.axis)).sum()
    return float(total) / w.size / system.scale[system.axis]


def _write(store: Path, name: str, flux: NDArray[np.float32]) -> None:
    """Components z, y, x are stored as x, y, z."""
    chunks = (1, *(min(64, n) for n in flux.shape[1:]))
    array = zarr.open_group(store, mode="r+").create_array(
        name,
        shape=flux.shape,
        dtype="float32",
        chunks=chunks,
        dimension_names=("component", "z", "y", "x"),
    )
    array[:] = flux[::-1]
