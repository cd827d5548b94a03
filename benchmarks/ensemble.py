"""Seconds of an ensemble: one sample after the other, and on a local Dask cluster.

    python benchmarks/ensemble.py [--samples 16] [--side 64] [--steps 20] [--repeats 3]

The whole command each time, as a user sees it: starting, reconstructing with the bundled weights,
measuring, comparing and the report. Serially with two threads; on Dask with two workers of one
thread each. The table gives medians, and the share of voxels in which the volumes differ, which is
of roundings: torch sums in another order with another number of threads.
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


def seconds(out: Path, threads: str, arguments: tuple[str, ...]) -> float:
    """Wall time of one `recon run`."""
    command = [sys.executable, "-m", "recon.cli", "run", "--out", str(out), "-q", *arguments]
    begin = time.perf_counter()
    subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": threads},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - begin


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
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        for repeat in range(repeats):
            for place, (way, (threads, flags)) in enumerate(WAYS.items()):
                out = Path(name, f"{repeat}-{place}")
                times[way].append(seconds(out, threads, (*recipe, *flags)))
        shares = [differ(Path(name, f"0-{place}"), Path(name, "0-2")) for place in range(3)]
    first = statistics.median(times[next(iter(WAYS))])
    print(f"{samples} samples of {side}^3, {steps} steps, median of {repeats}")
    for (way, values), share in zip(times.items(), shares, strict=True):
        median = statistics.median(values)
        told = f"{median:7.1f} s  {first / median:5.2f} x  {100 * share:.4f} % of voxels"
        print(f"{way:28} {told}")


if __name__ == "__main__":
    main()
