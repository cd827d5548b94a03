"""Long use in one process: memory, open files and threads, early against late.

Metrics and solvers a number of times each, then whole commands (two reconstructions, import,
training, measure, export) over and over for some minutes. The first fifth of the calls warms up:
compiled code, caches and the allocator. `grown` is the median of the last fifth over the median
of the second fifth.
"""

import contextlib
import ctypes
import gc
import io
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import click
import numpy as np

from recon.cli import main as recon
from recon.core import Volume, catalog
from recon.core.storage.budget import measure_resident

METRICS = (
    "volume-fraction", "two-point", "lineal-path", "chord-length", "two-point-cluster",
    "surface-density", "percolation", "local-thickness", "orientation-tensor",
    "straight-chord", "minkowski", "components", "contact", "local-percolation",
)  # fmt: skip
HEADER = f"{'what':42} {'calls':>6} {'MB':>8} {'MB':>8} {'grown':>8}  {'files':>7}  {'threads':>8}"
COMMANDS = "run, run, import, train, measure, export"
CYCLE = (
    "run --fast --shape 24 24 24 --out net",
    "run --denoiser gaussian --shape 24 24 24 --samples 2 --out field",
    "import --volume net/volume.zarr --every 3 --preview none --out m.zarr",
    "train m.zarr --out w.safetensors --steps 3 --set denoiser.width=8 --set denoiser.crop=16",
    "measure field/000.zarr --against net/volume.zarr --json m.json --report m.html",
    "export net/volume.zarr v.tif v.vti v.inp v.stl v.npy",
)
MATERIALS = """unit = "GPa"
[[phase]]
E = 1
nu = 0.3
[[phase]]
E = 10
nu = 0.2
"""


def trimmed() -> None:
    """Give back what glibc holds free: it varies by a tenth from call to call. Else nothing."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


@attrs.define
class Held:
    """What this process holds now and then: bytes, open files, threads."""

    calls: int = 0
    memory: list[int] = attrs.field(factory=list)
    files: list[int] = attrs.field(factory=list)
    threads: list[int] = attrs.field(factory=list)

    def note(self) -> None:
        gc.collect()
        trimmed()
        self.memory.append(measure_resident())
        self.files.append(len(os.listdir("/proc/self/fd")))
        self.threads.append(threading.active_count())

    def grown(self) -> float:
        """Share by which memory grew from the second fifth of the calls to the last."""
        fifth = max(1, len(self.memory) // 5)
        early = statistics.median(self.memory[fifth : 2 * fifth])
        return statistics.median(self.memory[-fifth:]) / early - 1

    def row(self, what: str) -> str:
        fifth = max(1, len(self.memory) // 5)
        early, late = self.memory[fifth], self.memory[-1]
        return (
            f"{what:42} {self.calls:6d} {early / 1e6:8.1f} {late / 1e6:8.1f} "
            f"{100 * self.grown():+6.2f} %  {self.files[fifth]:3d} {self.files[-1]:3d}  "
            f"{self.threads[fifth]:3d} {self.threads[-1]:3d}"
        )


def repeated(call: Callable[[], object], times: int = 0, seconds: float = 0) -> Held:
    """Call so many times, or for so long; looks a hundred times at most, which takes a while."""
    held, begin = Held(), time.monotonic()
    while held.calls < times or time.monotonic() - begin < seconds:
        call()
        held.calls += 1
        if held.calls % max(1, times // 100) == 0:
            held.note()
    return held


def commands(folder: Path) -> None:
    """A cycle of what a user does, into a new folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=folder) as name, contextlib.chdir(name):
        for line in CYCLE:
            with contextlib.redirect_stdout(io.StringIO()):
                recon.main([*line.split(), "--quiet"], standalone_mode=False)


def calls(folder: Path) -> dict[str, Callable[[], object]]:
    """Every metric and solver on one small volume."""
    materials = folder / "materials.toml"
    materials.write_text(MATERIALS)
    volume = Volume(np.random.default_rng(0).random((24, 28, 32)) < 0.4)
    solid = catalog().build("property", "homogenization", materials=str(materials))
    diffusive = catalog().build("property", "diffusivity", phases=[0, 1], coefficients=[1.0, 0.1])
    results = {f"metric {name}": catalog().build("metric", name).measure for name in METRICS}
    results |= {"property homogenization": solid.solve, "property diffusivity": diffusive.solve}
    return {name: lambda call=call: call(volume) for name, call in results.items()}


@click.command()
@click.option("--minutes", default=60.0, show_default=True, help="Of repeated runs.")
@click.option("--times", default=1000, show_default=True, help="Calls of each metric and solver.")
@click.option("--most", default=2.0, show_default=True, help="Growth in % that is a leak.")
def main(minutes: float, times: int, most: float) -> None:
    """Print a table; exit code 1 when something grew more than --most."""
    print(
        f"{'what':42} {'calls':>6} {'MB':>8} {'MB':>8} {'grown':>8}  {'files':>7}  {'threads':>7}"
    )
    leaks = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, call in calls(folder).items() if times else ():
            held = repeated(call, times=times)
            print(held.row(what), flush=True)
            leaks += [what] if 100 * held.grown() > most else []
        held = repeated(lambda: commands(folder), seconds=60 * minutes)
        print(held.row(COMMANDS), flush=True)
        leaks += [COMMANDS] if 100 * held.grown() > most else []
    if leaks:
        sys.exit(f"grown by more than {most} %: {', '.join(leaks)}")


if __name__ == "__main__":
    main()
