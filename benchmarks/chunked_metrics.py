"""Seconds and peak memory of `recon measure` on a volume in memory and in parts.

    python benchmarks/chunked_metrics.py [--side 512] [--memory 1GB] [--whole / --no-whole]

Each metric is one command, as a user sees it: start-up (given first) and reading are part of it.
The volume is made slab by slab: correlated noise cut into three phases, stored in chunks of 64^3.
Results in parts must be the very numbers in memory, or the benchmark stops.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import zarr
from scipy.ndimage import gaussian_filter

METRICS = (
    "volume-fraction", "surface-density", "two-point", "lineal-path", "chord-length", "percolation",
)  # fmt: skip


def make(path: Path, side: int) -> None:
    """Three phases of correlated noise, written in slabs of one chunk."""
    group = zarr.create_group(path, zarr_format=3)
    array = group.create_array("0", shape=(side,) * 3, chunks=(64,) * 3, dtype=np.uint8)
    group.attrs["recon"] = {"kind": "volume", "phases": ["0", "1", "2"]}
    rng = np.random.default_rng(0)
    for z in range(0, side, 64):
        noise = rng.standard_normal((min(64, side - z), side, side), np.float32)
        field = gaussian_filter(noise, 2, mode="wrap")
        field /= field.std()
        array[z : z + 64] = (field > -0.2).astype(np.uint8) + (field > 0.8)


def run(*arguments: object) -> tuple[float, float]:
    """Seconds and peak resident bytes of a recon command."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "recon.cli", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{' '.join(command)} ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - begin, unit * usage.ru_maxrss


@click.command()
@click.option("--side", default=512, show_default=True)
@click.option("--memory", default="1GB", show_default=True)
@click.option("--whole/--no-whole", default=True, help="Measure in memory too, and compare.")
@click.option("--planes", is_flag=True, help="Two-point over all in-plane vectors too.")
def main(side: int, memory: str, whole: bool, planes: bool) -> None:
    """Print a table."""
    print("start: {:.1f} s, {:.2f} GB".format(*_gigabytes(run("plugins"))))
    with tempfile.TemporaryDirectory() as folder:
        volume = Path(folder, "volume.zarr")
        make(volume, side)
        jobs = [(name, ["--metric", name]) for name in METRICS]
        if planes:
            flags = ["--metric", "two-point", "--set", "two-point.planes=true"]
            jobs.append(("two-point, planes", flags))
        for name, flags in jobs:
            result, files = [], []
            for way in [[], ["--memory", memory]] if whole else [["--memory", memory]]:
                files.append(Path(folder, f"{len(result)}.json"))
                used = run("measure", volume, *flags, "--json", files[-1], *way)
                result.append("{:6.1f} s {:5.2f} GB".format(*_gigabytes(used)))
            if len({file.read_bytes() for file in files}) != 1:
                raise click.ClickException(f"{name}: the numbers in parts are not those in memory")
            print(f"{name:20}", *result, sep=" | ", flush=True)


def _gigabytes(used: tuple[float, float]) -> tuple[float, float]:
    return used[0], used[1] / 1e9


if __name__ == "__main__":
    main()
