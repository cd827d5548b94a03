"""Figures 9, 10 and 12: properties of 50 real subvolumes and of 50 reconstructions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from printed import leave
from study import RECIPES, Study, digest
from two_samples import boxes, compared, comparisons_line, quartiles_table

from recon.core import Volume, catalog
from recon.core.storage.atomic import atomic_output
from recon.validation.comparison.boxes import count_independent

REAL = 50
"""Subvolumes at random places, as in the paper."""
COLOURS = {
    "real": "#1769d2",
    "spectral": "#d1495b",
    "gamma-blend": "#b8860b",
    "paper": "#7a4fb5",
    "gaussian": "#9aa4b2",
}
Found = dict[str, NDArray[np.float64]]
GROUPS = {
    "E": ("axis", ("x", "y", "z")),
    "nu": ("pair", ("xy", "xz", "yz")),
    "G": ("pair", ("xy", "xz", "yz")),
    "cte": ("voigt", ("xx", "yy", "zz", "xy", "xz", "yz")),
}


def elasticity(study: Study) -> None:
    """Figures 9 and 10: a table and a row of panels for each set of materials."""
    sets = gather_sets(study)
    every = {
        title: {
            name: solve_each(
                study, name, volumes, {"name": "homogenization", **materials}, _constants
            )
            for name, volumes in sets.items()
        }
        for title, materials in study.table["materials"].items()
    }
    joined: dict[str, Found] = {name: {} for name in sets}
    for title, entry in every.items():
        for name, values in entry.items():
            joined[name] |= {f"{title}: {key}": value for key, value in values.items()}
    numbers = _compared(joined)  # all at once, so that p is corrected for all of them
    samplers = [name for name in sets if name != "real"]
    parts = [describe_pieces(study)]
    for title in every:
        head = f"{title}: "
        rows = {key.removeprefix(head): v for key, v in numbers.items() if key.startswith(head)}
        parts.append(f"{title}\n\n{quartiles_table(rows, samplers)}")
    figure = Figure(figsize=(9.5, 2.3 * len(every)), layout="constrained")
    panels = figure.subplots(len(every), len(GROUPS), squeeze=False, width_ratios=(3, 3, 3, 5))
    for line, (title, entry) in zip(panels, every.items(), strict=True):
        for axes, (name, (_, ticks)) in zip(line, GROUPS.items(), strict=True):
            unit = {"E": " / GPa", "G": " / GPa", "cte": " / (1e-6 / K)"}.get(name, "")
            keys = [f"{name} {tick}" for tick in ticks]
            boxes(axes, f"{title}: {name}{unit}", ticks, _drawn(entry, keys))
    panels[0][0].legend(fontsize=6, frameon=False)
    text = "\n\n".join([*parts, comparisons_line(numbers)])
    leave(study.name, study.out, text, numbers, figure)


def transport(study: Study) -> None:
    """Figure 12: volume fraction and relative diffusivity of every phase."""
    sets = gather_sets(study)
    phases = study.material.test.phases
    solver = {"name": "diffusivity"}
    results = {
        name: solve_each(study, name, volumes, solver, lambda v, s: _diffusivity(v, s, phases))
        for name, volumes in sets.items()
    }
    panels = {"volume fraction": (phases, [f"fraction of {phase}" for phase in phases])}
    for phase in phases:
        keys = [f"D of {phase}, {axis}" for axis in "xyz"]
        panels[f"relative diffusivity of {phase}"] = (tuple("xyz"), keys)
    show(study, results, panels)


def orientation(study: Study) -> None:
    """What lies under the elasticity: how the fibres are directed."""
    sets = gather_sets(study)
    metric = {"name": "orientation-tensor"}
    results = {name: solve_each(study, name, some, metric, _tensor) for name, some in sets.items()}
    ticks = ("xx", "yy", "zz", "xy", "xz", "yz")
    show(study, results, {"orientation tensor": (ticks, [f"a {tick}" for tick in ticks])})


def show(
    study: Study, results: dict[str, Found], panels: dict[str, tuple[Sequence[str], list[str]]]
) -> None:
    """One table of everything, and a panel for each group of keys."""
    numbers = _compared(results)
    samplers = [name for name in results if name != "real"]
    parts = [describe_pieces(study), quartiles_table(numbers, samplers), comparisons_line(numbers)]
    figure = Figure(figsize=(9.5 if len(panels) > 1 else 5, 2.8), layout="constrained")
    line = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, (ticks, keys)) in zip(line, panels.items(), strict=True):
        boxes(axes, title, ticks, _drawn(results, keys))
    line[0].legend(fontsize=6, frameon=False)
    leave(study.name, study.out, "\n\n".join(parts), numbers, figure)


def gather_sets(study: Study) -> dict[str, Sequence[Volume]]:
    """Real subvolumes at random places, and the volumes of each sampler."""
    test = study.material.test
    real = [
        Volume(test.labels[box], test.voxel_size, test.phases)
        for box in draw_boxes(study, test.shape)
    ]
    made = study.samplers(study.network().path)
    return {"real": real, **{name: one.volumes for name, one in made.items()}}


def draw_boxes(study: Study, whole: tuple[int, int, int]) -> list[tuple[slice, slice, slice]]:
    """Places of real subvolumes."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(REAL):
        z, y, x = (
            slice(at := int(rng.integers(n - side + 1)), at + side)
            for n, side in zip(whole, study.shape, strict=True)
        )
        rows.append((z, y, x))
    return rows


def describe_pieces(study: Study) -> str:
    """What the real subvolumes are."""
    test = study.material.test
    boxes_ = draw_boxes(study, test.shape)
    return (
        f"{REAL} real subvolumes of {study.shape[0]}^3 at random places of {test.shape}: they "
        f"overlap, their mean scatters as that of {count_independent(boxes_):.0f} independent ones."
    )


def _compared(results: dict[str, Found]) -> dict[str, dict[str, Any]]:
    samples = {name: values for name, values in results.items() if name != "real"}
    return compared(results["real"], samples)


def _drawn(results: dict[str, Found], keys: Sequence[str]) -> dict[str, Any]:
    return {
        name: (COLOURS.get(name, "#9aa4b2"), [values[key] for key in keys])
        for name, values in results.items()
        if len(values[keys[0]]) > 3
    }


def solve_each(study: Study, name: str, volumes: Sequence[Volume], given: Any, solve: Any) -> Found:
    """The numbers of each volume; kept in --out, volume by volume."""
    results: dict[str, list[float]] = {}
    folder = study.out / "properties"
    folder.mkdir(parents=True, exist_ok=True)
    for place, volume in enumerate(volumes):
        told = digest([given, volume.labels.tobytes().hex(), volume.shape])
        path: Path = folder / f"{study.table['material']}-{told}.json"
        if not path.exists():
            click.echo(f"{given}: {name} {place + 1}/{len(volumes)}", err=True)
            with atomic_output(path) as partial:
                partial.write_text(json.dumps(solve(volume, given)))
        for key, value in json.loads(path.read_text()).items():
            results.setdefault(key, []).append(value)
    return {key: np.array(values) for key, values in results.items()}


def _constants(volume: Volume, given: dict[str, Any]) -> dict[str, float]:
    result: xr.Dataset = _solver(given).solve(volume)
    return {
        f"{name} {tick}": float(result[name].sel({dim: tick})) * (1e6 if name == "cte" else 1)
        for name, (dim, ticks) in GROUPS.items()
        for tick in ticks
    }


def _tensor(volume: Volume, given: dict[str, Any]) -> dict[str, float]:
    tensor = catalog().build("metric", given["name"]).measure(volume)["tensor"]
    return {
        f"a {i}{j}": float(tensor.sel(axis=i, axis2=j))
        for i, j in ("xx", "yy", "zz", "xy", "xz", "yz")
    }


def _diffusivity(volume: Volume, given: dict[str, Any], phases: Sequence[str]) -> dict[str, float]:
    shares = {f"fraction of {p}": float((volume.labels == k).mean()) for k, p in enumerate(phases)}
    each = {}
    for k, phase in enumerate(phases):
        solved = _solver({**given, "phases": [k]}).solve(volume)["relative"]
        each |= {f"D of {phase}, {axis}": float(solved.sel(axis=axis)) for axis in "xyz"}
    return shares | each


def _solver(given: dict[str, Any]) -> Any:
    options = {key: value for key, value in given.items() if key != "name"}
    if "materials" in options and (RECIPES / options["materials"]).exists():
        options["materials"] = str(RECIPES / options["materials"])
    return catalog().build("property", given["name"], **options)
