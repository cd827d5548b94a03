"""Seconds of an ensemble: one sample after the other, and on a local Dask cluster.

    python benchmarks/ensemble.py [--samples 16] [--side 64] [--steps 20] [--repeats 3]

The whole command each time, as a user sees it, with the bundled weights; and of it the time until
the last volume is there, which is what Dask shares out (starting the workers is part of it, the
comparison and the report come after). Serially with two threads and with one; on Dask with two
workers of one thread each. Medians, ratios to the first line, and the share of voxels that differ
from those made on Dask, by roundings.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from recon.core import Volume

WAYS = {
    "serial, 2 threads": ("2", ()),
    "serial, 1 thread": ("1", ()),
    "dask, 2 workers of 1 thread": ("1", ("--executor", "dask", "--workers", "2")),
}


def seconds(out: Path, threads: str, arguments: tuple[str, ...]) -> tuple[float, float]:
    """Wall time of one `recon run`, and of it from the recipe's writing to the last volume's."""
    command = [sys.executable, "-m", "recon.cli", "run", "--out", str(out), "-q", *arguments]
    begin = time.perf_counter()
    subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": threads},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    whole = time.perf_counter() - begin
    last = max(path.stat().st_mtime for path in out.glob("*.zarr"))
    return whole, last - (out / "recipe.toml").stat().st_mtime


def differ(one: Path, other: Path) -> float:
    """Share of voxels in which the volumes of two runs differ."""
    names = sorted(path.name for path in one.glob("*.zarr"))
    shares = [
        np.mean(Volume.open(one / name).labels != Volume.open(other / name).labels)
        for name in names
    ]
    return float(np.mean(shares))


@click.command()
@click.option("--samples", default=16, show_default=True)
@click.option("--side", default=64, show_default=True)
@click.option("--steps", default=20, show_default=True)
@click.option("--repeats", default=3, show_default=True)
def main(samples: int, side: int, steps: int, repeats: int) -> None:
    recipe = ("--samples", str(samples), "--shape", *[str(side)] * 3, "--steps", str(steps))
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        for repeat in range(repeats):
            for place, (way, (threads, flags)) in enumerate(WAYS.items()):
                out = Path(name, f"{repeat}-{place}")
                times[way].append(seconds(out, threads, (*recipe, *flags)))
        shares = [differ(Path(name, f"0-{place}"), Path(name, "0-2")) for place in range(3)]
    medians = {
        way: [statistics.median(part) for part in zip(*values, strict=True)]
        for way, values in times.items()
    }
    first = medians[next(iter(WAYS))]
    print(f"{samples} samples of {side}^3, {steps} steps, median of {repeats}")
    for (way, values), share in zip(medians.items(), shares, strict=True):
        columns = (f"{x:7.1f} s {f / x:5.2f} x" for x, f in zip(values, first, strict=True))
        print(f"{way:28} all {' volumes '.join(columns)}  {100 * share:.4f} % of voxels differ")


if __name__ == "__main__":
    main()
