"""Effective thermal, electrical or ionic conductivity, with a conductivity of each phase."""

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Property, ReconError, Volume, option
from recon.core.sampling.device import resolve_device
from recon.plugins.materials.conductivities import Conductivities
from recon.plugins.properties.axes import check_axes
from recon.plugins.properties.bounds import conductivity_bounds
from recon.plugins.properties.diffusion.conduction import Conductor
from recon.plugins.properties.diffusion.elements import solve_elements


@attrs.frozen
class Conductivity(Property):
    """Effective conductivity and formation factor along x, y and z.

    Conduction of heat, electric current or ions through phases of different conductivity. The
    solver is that of `diffusivity`: finite volumes, with fixed values at two opposite faces and
    sealed sides, or periodic. A phase with conductivity 0 is an insulator. For a 3x3 conductivity
    that is not diagonal in x, y, z, it uses trilinear elements (Galerkin) on the CPU, in a periodic
    volume without insulators. For the tortuosity factor of one conducting phase see `diffusivity`.

    returns  conductivity (axis) in the unit of the materials; relative = conductivity over the
             largest principal value of the phases; formation_factor = 1 / relative; percolates,
             residual, iterations, seconds (axis); voigt_bound, reuss_bound (axis; Wiener's
             bounds) and, for isotropic phases, hashin_shtrikman_bounds (bound); with `periodic`
             also the tensor (axis, axis2). Without percolation: 0 and infinity
    cost     about 10 iterations for any size, more for strongly anisotropic phases; 95 bytes a
             voxel, 16 more with three directions of a periodic volume; with elements some 20
             iterations at a contrast of 50, 330 bytes a voxel, 460 with three directions
    errors   ReconError for materials that are not physical or do not fit the volume, and without
             convergence
    """

    name = "conductivity"
    materials: str | None = option(
        None, "TOML file with the conductivity of each phase, or a bundled name."
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
        check_axes("property conductivity", self.axes)
        self._materials()

    def _materials(self) -> Conductivities:
        if self.materials is None:
            raise ReconError(
                "property conductivity: materials must be a TOML file with a [[phase]] for each "
                "label and its conductivity (a number or 3x3), got none; give materials= or set "
                "conductivity.materials"
            )
        return Conductivities.load(self.materials)

    def solve(self, volume: Volume) -> xr.Dataset:
        """Conductivity of a volume whose labels are the phases of the materials."""
        materials = self._materials()
        materials.check(volume)
        tensors = materials.tensors[: len(volume.phases), ::-1, ::-1]  # axes z, y, x
        diagonals = np.diagonal(tensors, axis1=1, axis2=2)
        largest = float(diagonals.max())
        tilted = [n for n, k in enumerate(tensors) if (k != np.diag(np.diag(k))).any()]
        if tilted:
            self._check_elements(volume, tensors, materials.source, tilted[0])
            largest = float(np.linalg.eigvalsh(tensors).max())
            k = np.moveaxis(tensors[volume.labels] / largest, (-2, -1), (0, 1))
            result = solve_elements(self.name, k, volume.voxel_size, self.axes, self.tolerance)
        else:
            result = self._solve_faces(volume, diagonals, largest)
        result.attrs = {"materials": materials.source}
        return self._in_units(result, largest, materials.unit).assign(
            _bounds(volume, tensors, result["axis"].values, materials.unit)
        )

    def _solve_faces(self, volume: Volume, k: NDArray[np.float64], largest: float) -> xr.Dataset:
        """By finite volumes: conductivities (K, 3) along z, y, x."""
        conducts = k.any(1)
        classes = (np.cumsum(conducts) * conducts).astype(np.uint8)[volume.labels]
        if not classes.any():
            here = np.flatnonzero(volume.fractions())
            each = (f"{volume.phases[n]} of conductivity {k[n].max():g}" for n in here)
            raise ReconError(
                "property conductivity: a phase that conducts must be in the volume, got "
                f"{', '.join(each)}; give one of them a conductivity > 0"
            )
        return Conductor(
            self.name,
            classes,
            k[conducts] / largest,
            volume.voxel_size,
            self.periodic,
            self.tolerance,
            resolve_device(self.device),
        ).solve(self.axes, self.flux)

    def _check_elements(
        self, volume: Volume, tensors: NDArray[np.float64], source: str, tilted: int
    ) -> None:
        """Refuse what the elements of full tensors cannot do."""
        what = f"a 3x3 conductivity that is not diagonal in x, y, z (phase {tilted} of {source})"
        if not self.periodic:
            raise ReconError(
                f"property conductivity: {what} needs a periodic volume, got periodic=false; set "
                "conductivity.periodic=true, or rotate the volume to the axes of the phases"
            )
        if self.flux is not None:
            raise ReconError(
                f"property conductivity: flux must be none with {what}, got {self.flux}; leave "
                "conductivity.flux out"
            )
        for n in np.flatnonzero(volume.fractions()):
            if np.linalg.eigvalsh(tensors[n])[0] <= 0:
                raise ReconError(
                    f"property conductivity: every phase must conduct in every direction with "
                    f"{what}, got {volume.phases[n]} that does not; give it a small conductivity"
                )

    def _in_units(self, result: xr.Dataset, largest: float, unit: str) -> xr.Dataset:
        units = {"units": unit} if unit else {}
        relative = result["relative"].values
        factor = np.full(len(relative), np.inf)
        np.divide(1, relative, out=factor, where=relative > 0)
        first = {
            "conductivity": ("axis", relative * largest, units),
            "relative": ("axis", relative),
            "formation_factor": ("axis", factor),
        }
        if "tensor" in result:
            result["tensor"] = (result["tensor"] * largest).assign_attrs(units)
        rest = result.drop_vars("relative")
        return xr.Dataset(first, result.coords, result.attrs).assign(rest.data_vars)


def _bounds(
    volume: Volume, tensors: NDArray[np.float64], axes: NDArray[np.str_], unit: str
) -> dict[str, xr.DataArray]:
    """Wiener's by axis, and those of Hashin and Shtrikman when all phases are isotropic."""
    shares, units = volume.fractions()[: len(tensors)], {"units": unit} if unit else {}
    here = tensors[shares > 0]
    voigt, reuss = np.tensordot(shares, tensors, 1), np.zeros((3, 3))
    if (np.linalg.eigvalsh(here)[:, 0] > 0).all():
        reuss = np.linalg.inv(np.tensordot(shares[shares > 0], np.linalg.inv(here), 1))
    at = ["zyx".index(axis) for axis in axes]
    variables = {
        f"{name}_bound": xr.DataArray(bound[at, at], {"axis": axes}, ("axis",))
        for name, bound in (("voigt", voigt), ("reuss", reuss))
    }
    if (tensors == tensors[:, :1, :1] * np.eye(3)).all():
        bounds = conductivity_bounds(shares, tensors[:, 0, 0])
        sides = [bounds["lower"], bounds["upper"]]
        variables["hashin_shtrikman_bounds"] = xr.DataArray(
            sides, {"bound": ["lower", "upper"]}, ("bound",)
        )
    return {name: value.assign_attrs(units) for name, value in variables.items()}
