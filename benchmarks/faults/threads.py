"""How much results depend on the number of threads: voxels that differ, numbers that move."""

import itertools
from typing import Any

import attrs
import click
import numba
import numpy as np
import torch

from recon.core import Recipe, Volume, catalog, sample_steps
from recon.core.bundled import list_bundled
from recon.core.job import resolve
from recon.core.kinds import Denoiser
from recon.core.recipe import Choice

METRICS = (
    "volume-fraction",
    "two-point",
    "lineal-path",
    "chord-length",
    "two-point-cluster",
    "surface-density",
    "percolation",
    "local-thickness",
    "orientation-tensor",
    "straight-chord",
    "minkowski",
    "components",
    "contact",
    "local-percolation",
)
PROPERTIES: dict[str, dict[str, Any]] = {
    "homogenization": {"materials": "glass-epoxy"},
    "diffusivity": {"phases": (0,)},
}
CLOCKS = ("seconds",)
"""Results that are times."""


@attrs.frozen
class Difference:
    """What other numbers of threads change: the largest, over all pairs of numbers."""

    what: str
    largest: float
    unit: str


def set_threads(number: int) -> None:
    """Of torch and of numba, which has no more than it was started with."""
    torch.set_num_threads(number)
    numba.set_num_threads(min(number, numba.config.NUMBA_NUM_THREADS))
    torch.set_num_threads(number)  # numba's number becomes torch's, by OpenMP


def labels(recipe: Recipe, denoiser: Denoiser, threads: int, **given: Any) -> Any:
    """The labels of sample 0 at so many threads."""
    set_threads(threads)
    *_, state = sample_steps(recipe, denoiser=denoiser, **given)
    return state.volume.labels


def sampling(name: str, side: int, steps: int, threads: tuple[int, ...]) -> list[Difference]:
    """Share of voxels that differ, for bundled weights or `gaussian`, default harmonizer.

    Also between two runs at one number of threads, and of other micro-batches at one number.
    """
    recipe = Recipe(shape=(side,) * 3, steps=steps)
    if name == "gaussian":
        recipe = attrs.evolve(recipe, denoiser=Choice("gaussian"))
    else:
        recipe = attrs.evolve(recipe, weights=name)
    denoiser = resolve(recipe).denoiser
    made = {n: labels(recipe, denoiser, n) for n in threads}
    across = max(np.mean(made[a] != made[b]) for a, b in itertools.combinations(threads, 2))
    same = max(
        float(np.mean(made[n] != labels(recipe, denoiser, n, chunk=chunk)))
        for n, chunk in zip(threads, itertools.cycle((7, 64)), strict=False)
    )
    return [
        Difference(f"{name}: share of voxels, threads {threads}", float(across), "share"),
        Difference(f"{name}: share of voxels, once more, other chunks", same, "share"),
    ]


def measuring(volume: Volume, threads: tuple[int, ...]) -> list[Difference]:
    """Largest change of any number of each metric and property, relative to its largest value."""
    rows = []
    for kind, name in [("metric", m) for m in METRICS] + [("property", p) for p in PROPERTIES]:
        plugin = catalog().build(kind, name, **PROPERTIES.get(name, {}))
        call = plugin.measure if kind == "metric" else plugin.solve
        each = []
        for number in threads:
            set_threads(number)
            each.append(numbers(call(volume)))
        rows.append(Difference(name, max(map(change, each[:-1], each[1:])), "relative"))
    return rows


def numbers(result: Any) -> list[np.ndarray[Any, Any]]:
    """The arrays of numbers of a result, without times."""
    if hasattr(result, "data_vars"):
        kept = [value for key, value in result.data_vars.items() if key not in CLOCKS]
        return [np.asarray(value, float) for value in kept if value.dtype.kind in "fiub"]
    return [np.asarray(result, float)]


def change(one: list[Any], other: list[Any]) -> float:
    """Largest difference relative to the largest value of its array; infinite where one is NaN."""
    worst = 0.0
    for a, b in zip(one, other, strict=True):
        if not np.array_equal(np.isfinite(a), np.isfinite(b)):
            return float("inf")
        kept = np.isfinite(a)
        if kept.any() and (scale := np.abs(a[kept]).max()) > 0:
            worst = max(worst, float(np.abs(a[kept] - b[kept]).max() / scale))
    return worst


@click.command()
@click.option("--side", default=32, show_default=True, help="Voxels along an axis.")
@click.option("--steps", default=30, show_default=True)
@click.option("--threads", default="1,2,4", show_default=True)
def main(side: int, steps: int, threads: str) -> None:
    """Print a table of what other numbers of threads change."""
    wanted = tuple(int(number) for number in threads.split(","))
    for name in [*sorted(list_bundled("unet-ddpm")), "gaussian"]:
        shown(sampling(name, side, steps, wanted))
    set_threads(1)
    recipe = Recipe(shape=(side,) * 3, steps=10, weights="fibres")
    shown(measuring(Volume(labels(recipe, resolve(recipe).denoiser, 1)), wanted))


def shown(rows: list[Difference]) -> None:
    """A line for each."""
    for row in rows:
        click.echo(f"{row.what:60} {row.largest:10.3g} {row.unit}")


if __name__ == "__main__":
    main()
