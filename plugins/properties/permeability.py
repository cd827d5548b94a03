"""Permeability: creeping flow through the pores of a voxel volume."""

import time
from functools import partial
from typing import Any

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Property, ReconError, Volume, option
from recon.core.sampling.device import resolve_device
from recon.core.storage.memory import is_out_of_memory
from recon.plugins.properties.axes import check_axes
from recon.plugins.properties.stokes.fields import write_fields
from recon.plugins.properties.stokes.flow import QUANTILES, Flow, Pores, State
from recon.plugins.properties.stokes.picture import speed_map
from recon.plugins.properties.transporting_phases import (
    TransportingPhases,
    check_phases,
    choose_phases,
)

AXIS = {"z": 0, "y": 1, "x": 2}
DARCY = 9.869233e-13  # m2


@attrs.frozen
class Permeability(Property):
    """Permeability, velocities and hydraulic tortuosity along x, y and z.

    Stokes flow on a staggered grid, without slip at the faces of solid voxels. A pressure drop
    between two opposite faces drives the fluid, with sealed or periodic sides. In a periodic
    volume, a force drives it.

    returns  permeability (m2), darcy, percolates, hydraulic_tortuosity = mean speed over mean
             velocity, residual, iterations, seconds (axis); mean_velocity (axis, component) in
             units of pressure gradient over viscosity (m2); speed (axis, quantile) in the fluid
             over its mean there; volume_fraction; with `periodic` the tensor (axis, axis2) for
             the requested axes. Without percolation: 0 and infinity
    cost     7 to 20 iterations, more for large rocks; 240 bytes a voxel, 380 below a
             tolerance of 1e-6
    errors   ReconError for options that do not fit the volume, and without convergence
    """

    name = "permeability"
    phases: tuple[int | str, ...] | None = option(
        None,
        "Phases of the fluid, by name or label. Default: the phase named pore, void or "
        "electrolyte, or else label 1.",
        min=0,
    )
    axes: tuple[str, ...] = option(("x", "y", "z"), "Directions to solve.", choices=("x", "y", "z"))
    sides: str = option(
        "sealed",
        "Sides beside a pressure drop: sealed by walls, or periodic.",
        choices=("sealed", "periodic"),
    )
    periodic: bool = option(False, "Periodic along all axes; gives the full tensor.")
    tolerance: float = option(
        1e-5, "Relative error of the permeability at which the solver stops.", min=1e-12, max=0.1
    )
    device: str = option(
        "cpu", "Where to compute: numba on cpu, torch on cuda.", choices=("auto", "cpu", "cuda")
    )
    fields: str | None = option(None, "Zarr or .vti file for the velocity field of each direction.")

    def __attrs_post_init__(self) -> None:
        check_phases("property permeability", self.phases)
        check_axes("property permeability", self.axes)

    def solve(self, volume: Volume) -> xr.Dataset:
        """Permeability along each axis asked for."""
        if min(volume.shape) < 2:
            raise ReconError(
                "property permeability: the volume must be at least two voxels thick along every "
                f"axis, got shape {volume.shape}; repeat the layer or take a thicker volume"
            )
        phases = choose_phases("property permeability", "flow", volume, self.phases)
        fluid = np.isin(volume.labels, phases.labels)
        drive = "periodic" if self.periodic else {"periodic": "open"}.get(self.sides, self.sides)
        # mps has no double precision
        device = "cuda" if resolve_device(self.device) == "cuda" else "cpu"
        pores = Pores(fluid, volume.voxel_size, drive, device)
        self._check(pores, phases)
        try:
            result = self._result(volume, pores)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise ReconError(
                f"permeability ran out of memory on {' x '.join(map(str, volume.shape))} voxels; "
                "take a smaller volume or another device"
            ) from None
        result.attrs = self._attributes(volume, phases)
        return result

    def _check(self, pores: Pores, phases: TransportingPhases) -> None:
        if not pores.fluid.any():
            raise ReconError(
                "property permeability: a flowing phase must be in the volume, got no voxel of "
                f"phases {', '.join(phases.names)}; choose others with permeability.phases"
            )
        if pores.fluid.all() and pores.drive != "sealed":
            raise ReconError(
                "property permeability: a periodic volume must hold some solid, got fluid "
                f"everywhere (phases {', '.join(phases.names)}), whose permeability is infinite; "
                "choose others with permeability.phases or seal the sides with "
                "permeability.sides=sealed"
            )

    def _result(self, volume: Volume, pores: Pores) -> xr.Dataset:
        flows: dict[str, Flow] = {}
        seconds, earlier, maps = [], dict[int, State](), dict[str, NDArray[np.float64]]()
        with write_fields(self.fields, volume) as write:
            for name in self.axes:
                begin, axis = time.perf_counter(), AXIS[name]
                flow = pores.solve(
                    pores.carrying(axis),
                    axis,
                    name,
                    self.tolerance,
                    earlier,
                    partial(self._tell, name),
                )
                unit = min(volume.voxel_size) ** 2
                if self.fields is not None:
                    write(name, flow.velocity * np.float32(unit))
                maps[name] = speed_map(flow.velocity, axis)
                flows[name] = attrs.evolve(flow, velocity=flow.velocity[:, :0])
                seconds.append(time.perf_counter() - begin)
        result = _dataset(flows, unit)
        result["seconds"] = ("axis", seconds)
        result["volume_fraction"] = float(np.count_nonzero(pores.fluid)) / pores.fluid.size
        if self.periodic:
            result["tensor"] = _tensor(flows, unit)
        said = "speed over its mean on the middle slice, the flow from top to bottom"
        for name, picture in maps.items():
            result[f"speed_{name}"] = ((f"along_{name}", f"across_{name}"), picture)
            result[f"speed_{name}"].attrs["picture"] = said
        return result

    def _tell(self, name: str, steps: int, error: float) -> None:
        """Progress: the error falls by about the same factor in every step."""
        share = np.log(max(min(error, 1.0), self.tolerance)) / np.log(self.tolerance)
        done = 100 * self.axes.index(name) + int(100 * share)
        state = f"along {name}, step {steps}, error {error:.0e}"
        self.report(done, 100 * len(self.axes), state)

    def _attributes(self, volume: Volume, phases: TransportingPhases) -> dict[str, Any]:
        notes = [phases.note]
        if set(volume.voxel_size) == {1.0}:
            notes.append("the voxel size is unknown: permeability is in squares of a voxel's edge")
        return {
            "phases": list(phases.labels),
            "phase_names": list(phases.names),
            "sides": "periodic" if self.periodic else self.sides,
            "notes": notes,
        }


def _dataset(flows: dict[str, Flow], unit: float) -> xr.Dataset:
    solved = list(flows.values())
    k = unit * np.array([flow.permeability for flow in solved])
    means = unit * np.array([flow.column[::-1] for flow in solved])
    square = {"units": "m2"}
    return xr.Dataset(
        {
            "permeability": ("axis", k, square),
            "darcy": ("axis", k / DARCY, {"units": "darcy"}),
            "percolates": ("axis", k > 0),
            "hydraulic_tortuosity": ("axis", [flow.tortuosity for flow in solved]),
            "mean_velocity": (("axis", "component"), means, square),
            "speed": (("axis", "quantile"), [flow.quantiles for flow in solved]),
            "residual": ("axis", [flow.outcome.residual for flow in solved]),
            "iterations": ("axis", [flow.outcome.iterations for flow in solved]),
        },
        {"axis": list(flows), "component": ["x", "y", "z"], "quantile": list(QUANTILES)},
    )


def _tensor(flows: dict[str, Flow], unit: float) -> xr.DataArray:
    """Each column of the tensor is a row here: it is symmetric."""
    columns: NDArray[np.float64] = unit * np.array([flow.column[::-1] for flow in flows.values()])
    for i, one in enumerate(flows):
        for j in range(i):
            columns[j, "xyz".index(one)] = columns[i, "xyz".index(list(flows)[j])]
    coordinates = {"axis": list(flows), "axis2": ["x", "y", "z"]}
    return xr.DataArray(columns, coordinates, ("axis", "axis2"), attrs={"units": "m2"})
