"""Effective diffusivity and tortuosity factor by finite volumes.

Cell-centred, harmonic means at the faces, conjugate gradients with a multigrid preconditioner.
By default as TauFactor (Cooper et al., SoftwareX 5, 203 (2016)): the concentration is fixed half a
voxel outside the first and the last voxels, no flux leaves through the sides.
"""

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Property, ReconError, Volume, option
from recon.core.sampling.device import resolve_device
from recon.plugins.properties.axes import check_axes
from recon.plugins.properties.diffusion.conduction import Conductor
from recon.plugins.properties.transporting_phases import (
    TransportingPhases,
    check_phases,
    choose_phases,
)


@attrs.frozen
class Diffusivity(Property):
    """Relative diffusivity and tortuosity factor along x, y and z.

    One or several phases conduct. With one conducting phase, 1 / relative is the formation factor.
    The solver is that of `conductivity`, which is for phases with a conductivity each.

    returns  relative = D_eff / D_0, tortuosity_factor = volume fraction / relative,
             bruggeman_exponent b in relative = volume fraction ** b (NaN if all phases conduct),
             percolates, residual, iterations, seconds (axis); volume_fraction; with `periodic`
             also the tensor D_eff / D_0 (axis, axis2). Without percolation: 0 and infinity
    cost     about 10 iterations for any size; 62 bytes a voxel, 95 if the coefficients
             differ, 16 more with three directions of a periodic volume
    errors   ReconError for options that do not fit the volume, and without convergence
    """

    name = "diffusivity"
    phases: tuple[int | str, ...] | None = option(
        None,
        "Phases that conduct, by name or label. Default: the phase named pore, void or "
        "electrolyte, or else label 1.",
        min=0,
    )
    coefficients: tuple[float, ...] | None = option(
        None, "Diffusivity of each conducting phase; D_0 is the largest. Default: equal."
    )
    axes: tuple[str, ...] = option(("x", "y", "z"), "Directions to solve.", choices=("x", "y", "z"))
    periodic: bool = option(False, "Periodic along all axes; gives the full tensor.")
    tolerance: float = option(
        1e-5, "Relative error of the flux at which the solver stops.", min=1e-12, max=0.1
    )
    device: str = option(
        "cpu", "Where to compute: numba on cpu, torch on cuda.", choices=("auto", "cpu", "cuda")
    )
    flux: str | None = option(None, "Zarr file for the flux field of each direction.")

    def __attrs_post_init__(self) -> None:
        check_phases("property diffusivity", self.phases)
        check_axes("property diffusivity", self.axes)
        given = self.coefficients
        if given is None:
            return
        if len(given) != len(self.phases or ("default",)):
            raise ReconError(
                "property diffusivity: coefficients must be one for each conducting phase, "
                f"got {len(given)} for phases {self.phases or 'that are not given'}"
            )
        if not all(0 < value < np.inf for value in given):
            raise ReconError(
                f"property diffusivity: coefficients must be > 0, got {given}; "
                "leave a phase that does not conduct out of diffusivity.phases"
            )

    def solve(self, volume: Volume) -> xr.Dataset:
        """Diffusivity along each axis asked for."""
        phases = choose_phases("property diffusivity", "conduct", volume, self.phases)
        classes, conductor = self._conductor(volume, phases)
        result = conductor.solve(self.axes, self.flux)
        fraction = float(np.count_nonzero(classes)) / classes.size
        factor = np.full(len(self.axes), np.inf)
        np.divide(fraction, result["relative"], out=factor, where=result["percolates"].values)
        factors = {
            "tortuosity_factor": ("axis", factor),
            "bruggeman_exponent": ("axis", _bruggeman(result["relative"].values, fraction)),
        }
        result = xr.merge([result[["relative"]].assign(factors), result], join="exact")
        result["volume_fraction"] = fraction
        result.attrs = {
            "phases": list(phases.labels),
            "phase_names": list(phases.names),
            "coefficients": self._relative_coefficients(),
            "notes": [phases.note],
        }
        return result

    def differentiate(self, volume: Volume) -> xr.Dataset:
        """relative (axis), and its derivative (axis, z, y, x) by the diffusivity of each voxel.

        Diffusivities over D_0; of a voxel that does not conduct to the right of 0. The adjoint
        solution is the solution: no further solve.
        """
        phases = choose_phases("property diffusivity", "conduct", volume, self.phases)
        _, conductor = self._conductor(volume, phases)
        relative, derivative = zip(*map(conductor.differentiate, self.axes), strict=True)
        return xr.Dataset(
            {
                "relative": ("axis", np.array(relative)),
                "derivative": (("axis", "z", "y", "x"), np.stack(derivative)),
            },
            {"axis": list(self.axes)},
            {"phases": list(phases.labels)},
        )

    def _conductor(
        self, volume: Volume, phases: TransportingPhases
    ) -> tuple[NDArray[np.uint8], Conductor]:
        """Classes of the voxels, and what solves for them."""
        classes = _classify(volume, phases)
        return classes, Conductor(
            self.name,
            classes,
            np.repeat(np.array(self._relative_coefficients())[:, None], 3, axis=1),
            volume.voxel_size,
            self.periodic,
            self.tolerance,
            resolve_device(self.device),
        )

    def _relative_coefficients(self) -> list[float]:
        given = self.coefficients or (1.0,) * len(self.phases or ("default",))
        return [value / max(given) for value in given]


def _classify(volume: Volume, phases: TransportingPhases) -> NDArray[np.uint8]:
    """Class of each voxel: 0 insulates, k is the k-th of the conducting phases."""
    table = np.zeros(256, np.uint8)
    table[list(phases.labels)] = np.arange(1, len(phases.labels) + 1)
    conducting = table[volume.labels]
    if not conducting.any():
        raise ReconError(
            "property diffusivity: a conducting phase must be in the volume, got no voxel of "
            f"phases {', '.join(phases.names)}; choose others with diffusivity.phases"
        )
    return conducting


def _bruggeman(relative: NDArray[np.float64], fraction: float) -> NDArray[np.float64]:
    """Exponent of the fraction that gives the relative diffusivity; 1.5 is Bruggeman's."""
    if fraction == 1:
        return np.full(len(relative), np.nan)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(relative) / np.log(fraction))
