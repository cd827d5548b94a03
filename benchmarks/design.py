"""Targets of several kinds, one by one and two at once: python benchmarks/design.py [--side 48]

Fraction, specific surface, a value of the two-point function and diffusivity of the bundled porous
material, by `recon design --fast` over the phase fraction and the sampler's temperature. Wanted,
reached (mean and 95 % interval of volumes that were not in the search), trials, CPU time. The kinds
of targets are those of MicroLad (arXiv 2508.20138), which has other materials and another machine.

With --ways MATERIAL: a diffusivity along z by the search over the fraction of a
phase, long and short, and by the refiner target-diffusivity, which follows the gradient and keeps
the fractions. Diffusivity (mean and standard deviation of the volumes), fraction of the conducting
phase, errors of the mean two-point function and lineal path against the micrographs, and the area
under the curve of the classifier that tells slices from them.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from recon.core import Recipe, Volume, sample_steps
from recon.core.job import resolve
from recon.core.sampling.threads import keep_threads
from recon.plugins.metrics.lineal_path import LinealPath
from recon.plugins.metrics.two_point import TwoPoint
from recon.plugins.properties.diffusivity import Diffusivity
from recon.validation.classifier.two_sample_test import separate
from recon.workflow.examples import example
from recon.workflow.overlay import FAST, lay_over

FRACTION, SURFACE = "volume-fraction.solid=0.42", "surface-density.specific_surface.solid=0.24"
TWO_POINT, DIFFUSIVITY = "two-point.solid.z.4=0.3", "diffusivity.relative.z=0.44"
DESIGNS = (
    (FRACTION,),
    (SURFACE,),
    (TWO_POINT,),
    (DIFFUSIVITY,),
    (FRACTION, SURFACE),
    (FRACTION, DIFFUSIVITY),
)
VARIED = ("fraction.solid=0.3:0.5", "harmonizer.temperature=0.7:1.1")


WAYS = {
    "porous": (0.48, "fraction.solid=0.28:0.48"),
    "electrode": (0.12, "fraction.pore=0.3:0.55"),
    "fibres": (0.14, "fraction.fibre=0.25:0.45"),
}
"""Target, and what the search varies: fractions at both sides of the material's."""
SHORT = 4
"""Trials of a search that takes about as long as volumes with the refiner."""
CONDUCTING = {"porous": 0, "electrode": 0, "fibres": 1}


def design(
    targets: Sequence[str],
    side: int,
    trials: int,
    verify: int,
    out: Path,
    weights: str = "porous",
    varied: Sequence[str] = VARIED,
) -> float:
    """CPU seconds of a design, which writes to a folder."""
    command = [sys.executable, "-m", "recon.cli", "design", "--weights", weights, "--fast"]
    command += ["--shape", *[str(side)] * 3, "--trials", str(trials), "--verify", str(verify)]
    command += ["--out", str(out)]
    for flag, values in (("--target", targets), ("--vary", varied)):
        for value in values:
            command += [flag, value]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make_volumes(
    weights: str, side: int, count: int, refiner: dict[str, Any] | None = None
) -> tuple[list[Volume], float]:
    """Volumes of a material, with one more refiner if given, and CPU seconds."""
    table: dict[str, Any] = {"weights": weights, "shape": [side] * 3}
    if refiner is not None:
        table["refiner"] = ["islands", "patterns", refiner]
    job, begin = resolve(Recipe.from_table(lay_over(table, FAST))), time.process_time()
    volumes = []
    for number in range(count):
        *_, last = sample_steps(job, sample=number)
        volumes.append(last.volume)
    return volumes, time.process_time() - begin


def compare_ways(weights: str, side: int, trials: int, count: int) -> Iterator[str]:
    """A row of each way to the target of a material."""
    value, varied = WAYS[weights]
    refiner = {"name": "target-diffusivity", "value": value}
    make_volumes(weights, 16, 1, {**refiner, "rounds": 1})  # compiles
    for way, added in (("no target", None), ("refiner", refiner)):
        volumes, seconds = make_volumes(weights, side, count, added)
        yield f"{weights} | {way} | {value} | {measure(weights, volumes)} | {seconds:.0f} s"
    for number in (SHORT, trials):
        with tempfile.TemporaryDirectory() as name:
            out, target = Path(name), f"diffusivity.relative.z={value}"
            seconds = design([target], side, number, count, out, weights, [varied])
            volumes = [Volume.open(path) for path in sorted(out.glob("0*.zarr"))]
            way = f"search, {json.loads((out / 'design.json').read_text())['trials']} trials"
        yield f"{weights} | {way} | {value} | {measure(weights, volumes)} | {seconds:.0f} s"


@keep_threads()
def measure(weights: str, volumes: Sequence[Volume]) -> str:
    """Diffusivity, fraction, errors against the micrographs, area under the classifier's curve."""
    solver, micrographs = Diffusivity(axes=("z",)), example(weights)[0]
    reached = np.array([float(solver.solve(volume)["relative"][0]) for volume in volumes])
    fraction = np.mean([volume.fractions()[CONDUCTING[weights]] for volume in volumes])
    lags = min(volumes[0].shape) // 2
    errors = []
    for metric in (TwoPoint(max_lag=lags, planes=True), LinealPath(max_lag=lags, planes=True)):
        real = metric.measure(micrographs)
        mean = sum(metric.measure(volume) for volume in volumes) / len(volumes)
        errors.append(float(abs(mean - real).sum() / real.sum()))
    areas = [one.areas.mean() for one in separate(volumes, micrographs).planes.values()]
    return (
        f"{reached.mean():.4f} +- {reached.std(ddof=1):.4f} | {fraction:.3f} | "
        f"{errors[0]:.3f} | {errors[1]:.3f} | {np.mean(areas):.2f}"
    )


def describe(out: Path) -> str:
    """Each target: wanted, reached, interval."""
    content = json.loads((out / "design.json").read_text())
    rows = [
        f"{key}: {one['target']:.4g}, {one['mean']:.4g} ({one['low']:.4g} to {one['high']:.4g})"
        for key, one in content["targets"].items()
    ]
    return f"{'; '.join(rows)} | {content['trials']}"


@click.command(help=__doc__)
@click.option("--side", default=48, show_default=True)
@click.option("--trials", default=20, show_default=True)
@click.option("--verify", default=8, show_default=True)
@click.option("--ways", multiple=True, type=click.Choice(list(WAYS)), help="Material to compare.")
def main(side: int, trials: int, verify: int, ways: tuple[str, ...]) -> None:
    if ways:
        click.echo(
            "material | way | target | diffusivity | fraction | S2 | lineal path | area | CPU"
        )
    for weights in ways:
        for row in compare_ways(weights, side, trials, verify):
            click.echo(row)
    if ways:
        return
    click.echo("target: wanted, reached (95 % interval) | trials | CPU")
    with tempfile.TemporaryDirectory() as name:
        for number, targets in enumerate(DESIGNS):
            out = Path(name, str(number))
            seconds = design(targets, side, trials, verify, out)
            click.echo(f"{describe(out)} | {seconds:.0f} s")


if __name__ == "__main__":
    main()
