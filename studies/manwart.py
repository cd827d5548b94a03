"""Manwart's test: do volumes with the porosity, surface and S2 of a material conduct a flow alike?

Manwart, Aaltosalmi, Koponen, Hilfer & Timonen, Phys. Rev. E 66, 016702 (2002), cond-mat/0202525:
reconstructions of Fontainebleau sandstone that matched porosity, specific surface and two-point
function missed its permeability by an order of magnitude. A reconstruction passes where the median
of its permeability is within a factor 1.2 of that of real subvolumes along every axis. It fails
where the 95 % interval of this ratio lies beyond that factor. Else there are too few to decide.

The control is Manwart's case: `gaussian` knows two points at a time and no shape. On the example,
with its bundled weights, it takes minutes; `manwart-berea` trains on the sandstone.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from printed import leave
from properties import COLOURS, describe_pieces, draw_boxes, solve_each
from sampling import sampled
from study import Study, digest
from two_samples import boxes, compare_medians, compared, comparisons_line, quartiles_table

from recon.core import Recipe, Volume, catalog
from recon.validation.comparison.boxes import count_independent

PASS = 1.2
"""Largest factor between the medians of permeability."""
AXES = "xyz"
SAMPLER = "#d1495b"
Curves = NDArray[np.float64]


def manwart(study: Study) -> None:
    """Numbers of real subvolumes and of reconstructions, their ratios, and whether they pass."""
    sets = _gather(study)
    reference = np.mean([_two_point(volume) for volume in sets["real"]], axis=0)
    given = {"name": "manwart", "reference": digest(reference.tolist())}
    solve = partial(measure, reference=reference)
    results = {
        name: solve_each(study, name, volumes, given, lambda v, _: solve(v))
        for name, volumes in sets.items()
    }
    samples = {name: values for name, values in results.items() if name != "real"}
    numbers = compared(results["real"], samples)
    worth = count_independent(draw_boxes(study, study.material.test.shape))
    factors = {
        name: {
            axis: compare_medians(results["real"][f"k {axis}"], values[f"k {axis}"], worth)
            for axis in AXES
        }
        for name, values in samples.items()
    }
    text = [
        describe_pieces(study),
        quartiles_table(numbers, list(samples)),
        comparisons_line(numbers),
        *(_verdict(name, each) for name, each in factors.items()),
    ]
    leave(
        study.name, study.out, "\n\n".join(text), numbers | {"factors": factors}, _figure(results)
    )


def measure(volume: Volume, reference: Curves) -> dict[str, float]:
    """What Manwart matched and what he missed, of the pores of a volume (label 0)."""
    build = catalog().build
    surface = build("metric", "interface-area").measure(volume)["phase_area"].sel(phase=0)
    curve = _two_point(volume)
    flow = build("property", "permeability", phases=(0,)).solve(volume)["permeability"]
    conduction = build("property", "diffusivity", phases=(0,)).solve(volume)["relative"]
    unit = min(volume.voxel_size) ** 2
    return {
        "porosity": float((volume.labels == 0).mean()),
        "surface": float(surface),
        "error of S2": float(np.abs(curve - reference).sum() / reference.sum()),
        **{f"k {axis}": float(flow.sel(axis=axis)) / unit for axis in AXES},
        **{f"1/F {axis}": float(conduction.sel(axis=axis)) for axis in AXES},
    }


def _two_point(volume: Volume) -> Curves:
    """S2 of the pores along the axes (direction, lag)."""
    values = catalog().build("metric", "two-point").measure(volume)
    return np.asarray(values.sel(phase=0).transpose("direction", "lag").values)


def _gather(study: Study) -> dict[str, Sequence[Volume]]:
    """Real subvolumes, and the volumes of each sampler with its options as they are by default."""
    test = study.material.test
    real = [
        Volume(test.labels[box], test.voxel_size, test.phases)
        for box in draw_boxes(study, test.shape)
    ]
    sets: dict[str, Sequence[Volume]] = {"real": real}
    for name, settings in study.table["sampler"].items():
        known = _knowledge(study) if "denoiser" not in settings else _seen(study)
        recipe = Recipe.from_table({**settings, **known, "shape": list(study.shape)})
        folder = study.out / "volumes" / study.table["material"]
        folder /= f"manwart-{name}-{digest([settings, known])}"
        sets[name] = sampled(recipe, study.table["seeds"], folder).volumes
    return sets


def _knowledge(study: Study) -> dict[str, str]:
    """Weights: the bundled ones that the recipe names, else trained."""
    bundled = study.table.get("weights")
    return {"weights": bundled or str(study.network().path)}


def _seen(study: Study) -> dict[str, str]:
    """Micrographs, for a denoiser that needs no training."""
    path = study.out / "micrographs" / f"{study.table['material']}.zarr"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        study.material.train.save(path)
    return {"micrographs": str(path)}


def _verdict(name: str, factors: dict[str, dict[str, Any]]) -> str:
    """Passed when all ratios are within the factor; failed when an interval lies beyond it."""
    ratios = ", ".join(
        f"{axis} {one['ratio']:.2f} ({one['interval'][0]:.2f} to {one['interval'][1]:.2f})"
        for axis, one in factors.items()
    )
    beyond = [
        one["interval"][1] < 1 / PASS or one["interval"][0] > PASS for one in factors.values()
    ]
    if all(1 / PASS <= one["ratio"] <= PASS for one in factors.values()):
        verdict = "passes"
    else:
        verdict = "fails" if any(beyond) else "is undecided"
    return (
        f"{name} {verdict}: median permeability over that of the real subvolumes {ratios}; "
        "in brackets 95 % intervals by the bootstrap."
    )


def _figure(results: dict[str, dict[str, NDArray[np.float64]]]) -> Figure:
    """Panels of all numbers, real subvolumes beside the samplers."""
    panels = {
        "porosity": (("",), ["porosity"]),
        "surface × edge": (("",), ["surface"]),
        "error of S2": (("",), ["error of S2"]),
        "permeability / voxel edge²": (tuple(AXES), [f"k {axis}" for axis in AXES]),
        "1 / formation factor": (tuple(AXES), [f"1/F {axis}" for axis in AXES]),
    }
    figure = Figure(figsize=(11, 2.8), layout="constrained")
    line = figure.subplots(1, len(panels), width_ratios=(1, 1, 1, 3, 3))
    for axes, (title, (ticks, keys)) in zip(line, panels.items(), strict=True):
        sets = {
            name: (COLOURS.get(name, SAMPLER), [values[key] for key in keys])
            for name, values in results.items()
        }
        boxes(axes, title, ticks, sets)
    line[-1].legend(fontsize=6, frameon=False)
    return figure
