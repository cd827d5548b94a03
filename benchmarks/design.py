"""Targets of several kinds, one by one and two at once: python benchmarks/design.py [--side 48]

Fraction, specific surface, a value of the two-point function and diffusivity of the bundled porous
material, by `recon design --fast` over the phase fraction and the sampler's temperature. Wanted,
reached (mean and 95 % interval of volumes that were not in the search), trials, CPU time. The kinds
of targets are those of MicroLad (arXiv 2508.20138), which has other materials and another machine.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import click

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


def design(targets: tuple[str, ...], side: int, trials: int, verify: int, out: Path) -> float:
    """CPU seconds of a design, which writes to a folder."""
    command = [sys.executable, "-m", "recon.cli", "design", "--weights", "porous", "--fast"]
    command += ["--shape", *[str(side)] * 3, "--trials", str(trials), "--verify", str(verify)]
    command += ["--out", str(out)]
    for flag, values in (("--target", targets), ("--vary", VARIED)):
        for value in values:
            command += [flag, value]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


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
def main(side: int, trials: int, verify: int) -> None:
    click.echo("target: wanted, reached (95 % interval) | trials | CPU")
    with tempfile.TemporaryDirectory() as name:
        for number, targets in enumerate(DESIGNS):
            out = Path(name, str(number))
            seconds = design(targets, side, trials, verify, out)
            click.echo(f"{describe(out)} | {seconds:.0f} s")


if __name__ == "__main__":
    main()
