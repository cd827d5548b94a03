"""Manwart's test: do volumes with the porosity, surface and S2 of a material conduct a flow alike?

Manwart, Aaltosalmi, Koponen, Hilfer & Timonen, Phys. Rev. E 66, 016702 (2002), cond-mat/0202525:
reconstructions of Fontainebleau sandstone that matched porosity, specific surface and two-point
function missed its permeability by an order of magnitude. A reconstruction passes where the median
of its permeability is within a factor 1.2 of that of real subvolumes along every axis.

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
from two_samples import boxes, compared, comparisons_line, quartiles_table

from recon.core import Recipe, Volume, catalog

PASS = 1.2
"""Largest factor between the medians of permeability."""
AXES = "xyz"
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
    factors = {name: _factors(numbers, name) for name in samples}
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


def _factors(numbers: dict[str, dict[str, Any]], name: str) -> dict[str, float]:
    """Median of the reconstructions over that of the real subvolumes, by axis."""
    medians = {axis: numbers[f"k {axis}"] for axis in AXES}
    return {
        axis: one[name]["median"] / one["real"]["median"] if one["real"]["median"] else np.nan
        for axis, one in medians.items()
    }


def _verdict(name: str, factors: dict[str, float]) -> str:
    told = ", ".join(f"{axis} {factor:.2f}" for axis, factor in factors.items())
    passed = all(1 / PASS <= factor <= PASS for factor in factors.values())
    verdict = "passes" if passed else "fails"
    return f"{name} {verdict}: permeability over that of the real subvolumes {told}."


def _figure(results: dict[str, dict[str, NDArray[np.float64]]]) -> Figure:
    """Panels of all numbers, real subvolumes beside the samplers."""
    panels = {
        "porosity": (("",), ["porosity"]),
        "surface per voxel edge": (("",), ["surface"]),
        "relative error of S2": (("",), ["error of S2"]),
        "permeability / voxel edge²": (tuple(AXES), [f"k {axis}" for axis in AXES]),
        "1 / formation factor": (tuple(AXES), [f"1/F {axis}" for axis in AXES]),
    }
    figure = Figure(figsize=(11, 2.8), layout="constrained")
    line = figure.subplots(1, len(panels), width_ratios=(1, 1, 1, 3, 3))
    for axes, (title, (ticks, keys)) in zip(line, panels.items(), strict=True):
        sets = {
            name: (COLOURS.get(name, "#9aa4b2"), [values[key] for key in keys])
            for name, values in results.items()
        }
        boxes(axes, title, ticks, sets)
    line[-1].legend(fontsize=6, frameon=False)
    return figure
