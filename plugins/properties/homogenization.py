"""Effective elastic constants and thermal expansion by finite elements on the voxels."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray

from recon.core import Property, ReconError, Volume, option
from recon.core.sampling.device import resolve_device
from recon.core.storage.atomic import atomic_output
from recon.core.storage.memory import is_out_of_memory
from recon.plugins.materials.material_file import list_bundled_materials
from recon.plugins.materials.materials import Materials
from recon.plugins.materials.voigt import build_frames, rotate_expansion, rotate_stiffness
from recon.plugins.properties.bounds import elastic_bounds, outside_bounds
from recon.plugins.properties.elasticity import fields, moduli
from recon.plugins.properties.elasticity.cpu import Cpu
from recon.plugins.properties.elasticity.homogenize import Effective, Elements, homogenize
from recon.plugins.properties.orientation import directional_means
from recon.plugins.structure.clusters import Clusters
from recon.plugins.structure.structure_tensor import directions

CASES = ["xx", "yy", "zz", "yz", "xz", "xy"]
PAIRS = {"xy": (0, 1, 5), "xz": (0, 2, 4), "yz": (1, 2, 3)}
SINGULAR = 1e-9  # smallest over largest eigenvalue of a stiffness that bears nothing some way
Floats = NDArray[np.float64]


@attrs.frozen
class Homogenization(Property):
    """Effective stiffness, engineering constants and thermal expansion of a periodic volume.

    Each voxel is one trilinear hexahedron, and displacement fluctuations are periodic (Lee & Yun
    2023, Appendix A). Block conjugate gradients with multigrid solve the load cases of six unit
    strains together.

    returns  stiffness, compliance (voigt, voigt2); E (axis), nu and G (pair); cte (voigt) when
             the materials have alpha; residual, iterations (voigt); seconds; voigt_bound,
             reuss_bound (voigt, voigt2) and, for isotropic phases, bulk_bounds, shear_bounds
             (bound) of Hashin and Shtrikman. Moduli in the unit of the materials
    cost     15 to 45 iterations for any size; 910 bytes a voxel with six load cases at once, 360
             with one
    errors   ReconError for materials that are not physical or do not fit the volume, for a
             disconnected solid, and without convergence
    """

    name = "homogenization"
    materials: str | None = option(
        None, "TOML file with the elastic constants of the phases, or a bundled name."
    )
    tolerance: float = option(
        1e-6, "Relative residual at which the solver stops.", min=1e-13, max=0.1
    )
    max_iterations: int = option(1000, "Maximum number of iterations.", min=1)
    cases_at_once: int = option(
        6, "Load cases solved together; fewer need less memory and more time.", choices=(1, 2, 3, 6)
    )
    window: float = option(
        2.0, 'Width of the average for axis = "structure-tensor", in voxels.', min=0.5
    )
    device: str = option(
        "cpu", "Where to compute: numba on cpu, torch on cuda.", choices=("auto", "cpu", "cuda")
    )
    element: str = option(
        "auto",
        "Integration of the trilinear hexahedra: full, or with the mean dilatation (B-bar), which "
        "does not lock; auto: B-bar in nearly incompressible phases (nu above 0.45).",
        choices=("auto", "full", "b-bar"),
    )
    fields: str | None = option(
        None, "Zarr file for strain, stress and von Mises stress of every load case."
    )

    def __attrs_post_init__(self) -> None:
        self._materials()

    def _materials(self) -> Materials:
        if self.materials is None:
            raise ReconError(
                "property homogenization: materials must be a TOML file or one of "
                f"{', '.join(list_bundled_materials())}, got none; give materials= or set "
                "homogenization.materials"
            )
        return Materials.load(self.materials)

    def solve(self, volume: Volume) -> xr.Dataset:
        """Elastic constants of a volume whose labels are the phases of the materials."""
        begin = time.perf_counter()
        materials = self._materials()
        materials.check(volume)
        check_connected(volume, materials)
        elements, limits = self._elements(volume, materials)
        with self._output(volume, elements) as solved:
            effective = self._solve(elements, solved)
        result = constants(effective, materials.unit)
        result["seconds"] = time.perf_counter() - begin
        result = _with_bounds(result, volume, materials, limits, self.tolerance)
        result.attrs["notes"] += self._describe_elements(volume, materials)
        return result

    def _solve(self, elements: Elements, solved: Callable[[int, Any], None]) -> Effective:
        try:
            effective = homogenize(
                elements,
                self.tolerance,
                self.max_iterations,
                self.cases_at_once,
                _system(resolve_device(self.device)),
                solved,
            )
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            voxels = " x ".join(map(str, elements.index.shape))
            raise ReconError(
                f"homogenization ran out of memory on {voxels} voxels with {self.cases_at_once} "
                "cases at once; set homogenization.cases_at_once=1 or take a smaller volume"
            ) from None
        self._check_finite(effective)
        if not effective.reached:
            residual = effective.residual.max()
            why = ", too much for inclusions so stiff" if residual <= self.tolerance else ""
            raise ReconError(
                f"homogenization did not converge: the residual is {residual:.1e}{why} "
                f"after {max(effective.iterations)} iterations, tolerance {self.tolerance:.1e}; "
                "raise homogenization.max_iterations or tolerance, or replace a phase of almost "
                "no stiffness by void = true"
            )
        self._check_singular(effective, elements)
        return effective

    def _check_finite(self, effective: Effective) -> None:
        """Refuse what numbers that overflowed have left."""
        results = [effective.residual, effective.stiffness]
        results += [] if effective.thermal is None else [effective.thermal]
        if not all(np.isfinite(result).all() for result in results):
            raise ReconError(
                f"homogenization broke down at iteration {max(effective.iterations) + 1}: numbers "
                "overflowed; the moduli of the materials lie too far apart, choose a unit in which "
                "they are near 1, and replace a phase of almost no stiffness by void = true"
            )

    def _check_singular(self, effective: Effective, elements: Elements) -> None:
        """Refuse a stiffness that is zero some way, as void may leave it, up to its error."""
        present = np.bincount(elements.index.ravel(), minlength=len(elements.stiffness)) > 0
        if elements.stiffness[present].any((1, 2)).all():
            return
        values = np.linalg.eigvalsh(effective.stiffness + effective.stiffness.T)
        if values[0] <= max(SINGULAR, self.tolerance**2) * values[-1]:
            raise ReconError(
                "homogenization: the volume must bear every strain, got one that it does not "
                "resist: the solid is connected only by corners and edges of voxels, or by "
                "strands; smooth the volume, give the void a small stiffness, or lower "
                "homogenization.tolerance"
            )

    def _elements(self, volume: Volume, materials: Materials) -> tuple[Elements, dict[str, Floats]]:
        """Elements, and the mean stiffness and compliance of phases that follow the image."""
        stiffness, expansion = materials.stiffness(), materials.expansion()
        index = volume.labels.astype(np.int32)
        edges = (volume.voxel_size[2], volume.voxel_size[1], volume.voxel_size[0])
        shortest = min(edges)
        relative = (edges[0] / shortest, edges[1] / shortest, edges[2] / shortest)
        limits: dict[str, Floats] = {}
        follows = [k for k, phase in enumerate(materials.phases) if phase.follows_image]
        follows = [k for k in follows if (volume.labels == k).any()]
        if follows:
            shares = np.bincount(volume.labels.ravel(), minlength=len(stiffness)) / index.size
            means = _phase_means(stiffness)
            for k in follows:
                inside = volume.labels == k
                field = directions(volume.labels, k, volume.voxel_size, window=self.window)[inside]
                means[k] = directional_means(stiffness[k], field)
                turned = build_frames(field)
                index[inside] = len(stiffness) + np.arange(len(field), dtype=np.int32)
                own = rotate_stiffness(materials.phases[k].stiffness, turned)
                stiffness = np.concatenate([stiffness, own])
                if expansion is not None:
                    own = rotate_expansion(expansion[k], turned)
                    expansion = np.concatenate([expansion, own])
            limits["mean_stiffness"] = sum(s * m for s, (m, _) in zip(shares, means, strict=True))
            limits["mean_compliance"] = sum(s * m for s, (_, m) in zip(shares, means, strict=True))
        varying = None
        chosen = self._keeping_volume(volume, materials)
        if chosen.any() or self.element == "b-bar":
            every = np.full(len(stiffness), True)
            if self.element == "auto":  # what is turned with the image is as it was
                every = moduli.keeps_volume(stiffness)
            varying = np.where(every[:, None, None], moduli.deviatoric(stiffness), stiffness)
        return Elements(index, stiffness, expansion, relative, varying), limits

    def _keeping_volume(self, volume: Volume, materials: Materials) -> NDArray[np.bool_]:
        """The phases in the volume that get the element that does not lock, for what they are."""
        stiffness = materials.stiffness()
        present = np.bincount(volume.labels.ravel(), minlength=len(stiffness))[: len(stiffness)] > 0
        locking = moduli.keeps_volume(stiffness) & present
        return locking if self.element == "auto" else np.zeros_like(locking)

    def _describe_elements(self, volume: Volume, materials: Materials) -> list[str]:
        chosen = self._keeping_volume(volume, materials)
        names = ", ".join(
            phase.name for phase, here in zip(materials.phases, chosen, strict=True) if here
        )
        if not names:
            return []
        return [
            f"{names} are nearly incompressible (nu above 0.45): their elements have the mean "
            "dilatation (B-bar), so that they do not lock; homogenization.element=full turns it off"
        ]

    @contextmanager
    def _output(self, volume: Volume, elements: Elements) -> Iterator[Callable[[int, Any], None]]:
        """What takes the displacements of a case and writes its fields, if they are wanted."""
        if self.fields is None:
            yield lambda case, displacement: None
            return
        h = moduli.edge_products(elements.edges)
        with atomic_output(Path(self.fields), folder=True) as store:
            group = zarr.create_group(store, attributes={"voigt": CASES, "cases": CASES})
            arrays: dict[str, Any] = {}
            for name, count in (("strain", (6, 6)), ("stress", (6, 6)), ("von-mises", (6,))):
                dims = ("case", "component", "z", "y", "x") if len(count) == 2 else ("case", *"zyx")
                arrays[name] = group.create_array(
                    name,
                    shape=(*count, *volume.shape),
                    dtype="float32",
                    chunks=(*(1 for _ in count), *(min(64, n) for n in volume.shape)),
                    dimension_names=dims,
                )

            def write(case: int, displacement: Any) -> None:
                strain = fields.mean_strain(displacement)
                strain *= (h[case] / h)[:, None, None, None]
                strain[case] += 1
                stress = fields.mean_stress(strain, elements.index, elements.stiffness)
                for name, value in (("strain", strain), ("stress", stress)):
                    arrays[name][case] = value.astype(np.float32)
                arrays["von-mises"][case] = fields.von_mises(stress).astype(np.float32)

            yield write


def check_connected(volume: Volume, materials: Materials) -> None:
    """Refuse a solid that void cuts apart: it has no stiffness in some direction."""
    void = np.array([phase.void for phase in materials.phases])
    present = np.bincount(volume.labels.ravel(), minlength=len(void))[: len(void)] > 0
    if not (void & present).any():
        return
    solid = ~void[volume.labels]
    if not solid.any():
        raise ReconError("homogenization: the volume must hold a solid phase, got void only")
    winding = Clusters(solid, periodic=True).winding
    assert winding is not None
    if winding.all(axis=1).any():
        return
    along = np.atleast_1d(winding.any(axis=0))
    axes = [name for name, winds in zip("zyx", along, strict=True) if not winds]
    where = (
        f"along {' and '.join(sorted(axes))}"
        if axes
        else "into parts, none of them continuous along x, y and z"
    )
    raise ReconError(
        "homogenization: the solid must be connected through the periodic volume, got void that "
        f"separates it {where}; give the void a small stiffness, or take a larger volume"
    )


def constants(effective: Effective, unit: str) -> xr.Dataset:
    """Engineering constants of an effective stiffness."""
    C = (effective.stiffness + effective.stiffness.T) / 2
    S = np.linalg.inv(C)
    matrix = ("voigt", "voigt2")
    result = xr.Dataset(
        {
            "stiffness": (matrix, C, {"units": unit}),
            "compliance": (matrix, S, {"units": f"1/{unit}"}),
            "E": ("axis", 1 / np.diag(S)[:3], {"units": unit}),
            "nu": ("pair", [-S[i, j] / S[i, i] for i, j, _ in PAIRS.values()]),
            "G": ("pair", [1 / S[k, k] for _, _, k in PAIRS.values()], {"units": unit}),
            "residual": ("voigt", effective.residual),
            "iterations": ("voigt", effective.iterations),
        },
        {"voigt": CASES, "voigt2": CASES, "axis": ["x", "y", "z"], "pair": list(PAIRS)},
    )
    if effective.thermal is not None:
        result["cte"] = ("voigt", np.linalg.solve(effective.stiffness.T, effective.thermal))
        result["cte"].attrs["units"] = "1/K"
    return result


def _with_bounds(
    result: xr.Dataset,
    volume: Volume,
    materials: Materials,
    limits: dict[str, Any],
    tolerance: float,
) -> xr.Dataset:
    """Bounds beside the result, and a warning where it leaves them."""
    shares = np.bincount(volume.labels.ravel(), minlength=len(materials.phases))
    fractions, C = shares[: len(materials.phases)] / volume.labels.size, materials.stiffness()
    bounds = elastic_bounds(fractions, C, **limits)
    for name in ("voigt", "reuss"):
        result[f"{name}_bound"] = (("voigt", "voigt2"), bounds[name])
    for name in ("bulk", "shear"):
        if name in bounds:
            result[f"{name}_bounds"] = ("bound", bounds[name])
            result = result.assign_coords(bound=["lower", "upper"])
    slack = max(1e-6, 10 * tolerance)
    result.attrs["warnings"] = outside_bounds(result["stiffness"], fractions, C, slack, **limits)
    result.attrs["notes"] = [materials.note] if materials.note else []
    result.attrs["materials"] = materials.source
    return result


def _phase_means(stiffness: Floats) -> list[tuple[Floats, Floats]]:
    """Stiffness and compliance of each phase; void, whose compliance nobody asks for, gets 0."""
    return [(C, np.linalg.inv(C) if C.any() else np.zeros((6, 6))) for C in stiffness]


def _system(device: str) -> Callable[[Any, int], Any]:
    if device != "cuda":  # mps has no double precision
        return Cpu.of
    from recon.plugins.properties.elasticity.torch_system import TorchSystem

    return lambda grids, cases: TorchSystem.of(grids, cases, device)
