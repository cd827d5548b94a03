"""Drainage: pore sizes and the capillary pressure curve, by porespy."""

import warnings
from importlib.util import find_spec
from typing import Any

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core import Property, ReconError, Volume, option
from recon.plugins.properties.axes import check_axes
from recon.plugins.properties.transporting_phases import check_phases, choose_phases
from recon.plugins.structure.clusters import Clusters

AXIS = {"z": 0, "y": 1, "x": 2}
Floats = NDArray[np.float64]


@attrs.frozen
class Drainage(Property):
    """Pore-size distribution and capillary pressure curve along x, y and z (needs porespy).

    A non-wetting fluid enters through the first layer along the axis and displaces a wetting fluid
    quasi-statically. At a pressure of 2 tension cos(angle) / r, it fills every ball of radius r
    that fits into the pores and is connected to the inlet (morphological drainage, Hilpert &
    Miller, Adv. Water Resour. 24, 243 (2001)). No wetting fluid is trapped. Radii come from
    porespy, with a resolution of half a voxel, so results for pores a few voxels wide are
    inaccurate.

    returns  pressure (radius) in Pa; saturation (axis, radius) with the non-wetting fluid; opened
             (radius), the share of the pores that balls of this radius or larger cover: the
             cumulative pore-size distribution; breakthrough (axis), the pressure at which the
             fluid reaches the last layer, NaN if it does not
    cost     seconds at 100^3, minutes at 256^3, mostly in porespy
    errors   ReconError without porespy, for voxels that are not cubes, and for volumes without
             pores or without solid
    """

    name = "drainage"
    phases: tuple[int | str, ...] | None = option(
        None,
        "Phases of the pores, by name or label. Default: the phase named pore, void or "
        "electrolyte, or else label 1.",
        min=0,
    )
    axes: tuple[str, ...] = option(("x", "y", "z"), "Directions to solve.", choices=("x", "y", "z"))
    tension: float = option(0.072, "Surface tension in N/m; 0.072 for water and air.", min=0)
    angle: float = option(0.0, "Contact angle of the wetting fluid, degrees.", min=0, max=89)
    steps: int = option(
        25, "Number of radii, from the widest pore down to a voxel.", min=2, max=500
    )

    def __attrs_post_init__(self) -> None:
        check_phases("property drainage", self.phases)
        check_axes("property drainage", self.axes)

    def solve(self, volume: Volume) -> xr.Dataset:
        """Drainage along each axis asked for."""
        if find_spec("porespy") is None:
            raise ReconError("property drainage needs porespy; pip install 'microrecon[pore]'")
        phases = choose_phases("property drainage", "drain", volume, self.phases)
        pores = np.isin(volume.labels, phases.labels)
        self._check(volume, pores)
        edge, distance = volume.voxel_size[0], _distance(pores)
        radii = np.geomspace(distance.max(), 1.0, self.steps)
        if distance.max() <= 1:
            radii = np.ones(1)
        curves, breakthrough = [], []
        for name in self.axes:
            inlet = np.zeros_like(pores)
            np.moveaxis(inlet, AXIS[name], 0)[0] = True
            at = _invade(pores, distance, radii, inlet & pores)
            curves.append([float(np.mean(at[pores] <= n)) for n in range(len(radii))])
            breakthrough.append(_break_through(at, AXIS[name], len(radii)))
        anywhere = _invade(pores, distance, radii, None)[pores]
        pressure = 2 * self.tension * np.cos(np.radians(self.angle)) / (radii * edge)
        reached = [pressure[n] if n is not None else np.nan for n in breakthrough]
        pascal = {"units": "Pa"}
        notes = [phases.note]
        if set(volume.voxel_size) == {1.0}:
            notes.append("the voxel size is unknown: radii and pressures are for voxels of 1 m")
        return xr.Dataset(
            {
                "pressure": ("radius", pressure, pascal),
                "saturation": (("axis", "radius"), curves),
                "opened": ("radius", [float(np.mean(anywhere <= n)) for n in range(len(radii))]),
                "breakthrough": ("axis", np.array(reached, float), pascal),
                "volume_fraction": float(pores.mean()),
            },
            {"axis": list(self.axes), "radius": ("radius", radii * edge, {"units": "m"})},
            {"phases": list(phases.labels), "phase_names": list(phases.names), "notes": notes},
        )

    def _check(self, volume: Volume, pores: NDArray[np.bool_]) -> None:
        z, y, x = volume.voxel_size
        if not np.allclose((z, y, x), z):
            raise ReconError(
                f"property drainage: voxels must be cubes, got edges {z:g}, {y:g}, {x:g} m (z, y, "
                "x); resample the images to one voxel size"
            )
        if pores.any() and not pores.all():
            return
        what = "fills the volume" if pores.all() else "has no voxel in it"
        raise ReconError(
            f"property drainage: pores must be a part of the volume, got a phase that {what}; "
            "choose others with drainage.phases"
        )


def _distance(pores: NDArray[np.bool_]) -> Floats:
    """Distance of pore voxels to the nearest other one."""
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(pores), float)


def _invade(
    pores: NDArray[np.bool_], distance: Floats, radii: Floats, inlet: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    """Number of the radius at which each voxel is filled; how many there are where never."""
    if inlet is not None and not inlet.any():
        return np.full(pores.shape, len(radii))
    with warnings.catch_warnings(action="ignore"):  # of what porespy imports
        import porespy

        porespy.settings.tqdm["disable"] = True
        invasion: Any = porespy.simulations.drainage(
            pores, dt=distance.astype(np.float32), inlets=inlet, steps=list(2 / radii)
        )
    # its pressures are 2 / r in voxels, those of the steps
    number = np.searchsorted(2 / radii * (1 + 1e-6), invasion.im_pc)
    return np.where(pores & np.isfinite(invasion.im_pc), number, len(radii))


def _break_through(at: NDArray[np.int64], axis: int, steps: int) -> int | None:
    """First radius at which what is filled leads from end to end."""
    low, high = -1, steps
    while high - low > 1:
        middle = (low + high) // 2
        if Clusters(at <= middle, False).carrying(axis).any():
            high = middle
        else:
            low = middle
    return high if high < steps else None
