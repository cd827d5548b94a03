"""Effective stiffness and thermal stress of voxels: six unit strains on a periodic box."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from recon.plugins.properties.elasticity import moduli
from recon.plugins.properties.elasticity.conjugate_gradients import (
    Convergence,
    conjugate_gradients,
)
from recon.plugins.properties.elasticity.cpu import Cpu
from recon.plugins.properties.elasticity.multigrid import Grid, grids

Floats = NDArray[np.float64]
ROUNDING = 1e-12  # of the stiffest element's force: a load below it is none


@attrs.frozen(eq=False)
class Elements:
    """What the elements are made of.

    index      (Z, Y, X) rows of the tables
    stiffness  (M, 6, 6);  expansion  (M, 6) or None
    edges      of a voxel along x, y, z
    varying    (M, 6, 6) stiffness of the part of the strain that varies inside an element, None
               when it is that of the mean strain
    """

    index: NDArray[Any]
    stiffness: Floats
    expansion: Floats | None
    edges: tuple[float, float, float]
    varying: Floats | None = None


@attrs.frozen(eq=False)
class Effective:
    """stiffness (6, 6) as the mean stresses are, not yet symmetrized; thermal (6,) or None:
    minus the mean stress that a unit of temperature causes in the fixed box."""

    stiffness: Floats
    thermal: Floats | None
    residual: Floats
    iterations: list[int]
    reached: bool


def homogenize(
    elements: Elements,
    tolerance: float,
    limit: int,
    cases_at_once: int = 6,
    system: Callable[[list[Grid], int], Any] = Cpu.of,
    solved: Callable[[int, Any], None] = lambda case, displacement: None,
) -> Effective:
    """Solve the six cases and take the means.

    system  makes the fields on a device: `Cpu.of` or that of another
    solved  called with the number of each case and its displacements (Z, Y, 3, X) on the unit
            grid under the unit strain of that grid
    """
    counts = np.bincount(elements.index.ravel(), minlength=len(elements.stiffness))
    share = counts / elements.index.size
    # In a unit near the stiffest phase, whatever that of the materials: the preconditioner works
    # in single precision. A power of two, so that no digit changes.
    stiffest = float(np.abs(elements.stiffness[share > 0]).max())
    unit = 2.0 ** round(np.log2(stiffest)) if stiffest else 1.0
    stiffness = elements.stiffness / unit
    varying = None if elements.varying is None else elements.varying / unit
    hierarchy = list(grids(elements.index, stiffness, elements.edges, varying))
    C = moduli.on_unit_grid(stiffness, elements.edges)
    products = moduli.edge_products(elements.edges)
    stress = np.moveaxis(C, 2, 1)
    thermal = None
    if elements.expansion is not None:
        thermal = np.einsum("mij,mj->mi", C, elements.expansion * products)
    mean = np.tensordot(share, C, 1)
    beta = None if thermal is None else share @ thermal
    threshold = ROUNDING * float(np.abs(C).max()) * np.sqrt(elements.index.size)
    runs: list[Convergence] = []
    for first in range(0, 6, cases_at_once):
        fields = system(hierarchy, cases_at_once)
        chosen = slice(first, first + cases_at_once)
        fields.load(np.ascontiguousarray(stress[:, chosen]))
        scale = fields.norms()
        scale[scale < threshold] = 0
        energy = np.diag(mean)[chosen] * elements.index.size
        runs.append(conjugate_gradients(fields, scale, energy, tolerance, limit))
        mean[:, chosen] -= fields.work(stress) / elements.index.size
        if beta is not None and thermal is not None:
            work = fields.work(np.ascontiguousarray(thermal[:, None]))
            beta[chosen] -= work[0] / elements.index.size
        for case in range(cases_at_once):
            solved(first + case, fields.displacement(case))
        del fields
    volume = float(np.prod(elements.edges)) / unit
    return Effective(
        mean * np.outer(products, products) / volume,
        None if beta is None else beta * products / volume,
        np.concatenate([run.residual for run in runs]),
        [run.iterations for run in runs for _ in range(cases_at_once)],
        all(run.reached for run in runs),
    )
