"""CPU seconds of what a user waits for first: help, lists, completion, imports, small commands.

Each is a process of its own, run once before it is counted, so that files are in the cache and
numba's kernels are compiled. Medians, and whether torch was imported on the way. The first runs
are done once, with no kernels on disk: of them, also the seconds of compiling.

python benchmarks/startup.py
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from recon.core import Volume

SIDE = 32
WORDS = ("recon", "run", "--harmonizer", "")
COMPLETION = {
    "_RECON_COMPLETE": "bash_complete",
    "COMP_WORDS": " ".join(WORDS),
    "COMP_CWORD": str(len(WORDS) - 1),
}
TORCH = """
import atexit, sys
atexit.register(lambda: print("torch" in sys.modules, file=sys.stderr))
"""
COMPILING = """
import atexit, sys, time
from numba.core import event

class Sum(event.Listener):
    depth, begin, spent = 0, 0.0, 0.0

    def on_start(self, event):
        if self.depth == 0:
            self.begin = time.thread_time()
        self.depth += 1

    def on_end(self, event):
        self.depth -= 1
        if self.depth == 0:
            self.spent += time.thread_time() - self.begin

total = Sum()
event.register("numba:compile", total)
atexit.register(lambda: print(total.spent, file=sys.stderr))
"""
MAIN = "sys.argv[0] = 'recon'; from recon.cli import main; main(prog_name='recon')"
COMMAND, FIRST = TORCH + MAIN, COMPILING + MAIN


Case = tuple[str, tuple[str, ...], Mapping[str, str]]
"""A program, its arguments and environment."""


def cases(folder: Path) -> dict[str, Case]:
    """What is done -> how."""
    volume = str(folder / "volume.zarr")

    def command(*words: str, **environment: str) -> Case:
        return COMMAND, words, environment

    return {
        "recon --help": command("--help"),
        "recon run --help": command("run", "--help"),
        "recon plugins": command("plugins"),
        "completion of a plugin's name": command(**COMPLETION),
        "import recon": (f"{TORCH}import recon", (), {}),
        "import recon.core": (f"{TORCH}import recon.core", (), {}),
        "recon export": command("export", volume, str(folder / "volume.npy")),
        "recon measure --metric two-point": command("measure", volume, "--metric", "two-point"),
    }


def first_cases(folder: Path) -> dict[str, Case]:
    """What is done with no kernels on disk -> how."""
    volume, run = str(folder / "volume.zarr"), str(folder / "run")
    materials = ("--materials", "glass-epoxy")

    def measure(name: str, *more: str) -> tuple[str, ...]:
        return "measure", volume, "--property", name, *more

    words: dict[str, tuple[str, ...]] = {
        "first run": ("run", "--shape", *map(str, (SIDE,) * 3), "--fast", "--out", run),
        "first compare": ("compare", run, f"{run}/volume.zarr"),
        "first homogenization": measure("homogenization", *materials),
        "first conductivity": measure("conductivity", *materials),
        "first diffusivity": measure("diffusivity"),
        "first permeability": measure("permeability"),
    }
    return {
        what: (FIRST, given, {"NUMBA_CACHE_DIR": str(folder / what)})
        for what, given in words.items()
    }


def spend(case: Case) -> tuple[float, str]:
    """CPU seconds of a process and of those that it starts, and its last word."""
    program, words, environment = case
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        [sys.executable, "-c", program, *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, result.stderr.split()[-1]


@click.command()
@click.option("--times", default=5, show_default=True, help="Runs of each.")
def main(times: int) -> None:
    """Print a line for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = np.random.default_rng(0).integers(0, 2, (SIDE,) * 3)
        Volume(labels, (1e-6,) * 3).save(folder / "volume.zarr")
        print(f"{'':34}CPU s  torch")
        for what, case in cases(folder).items():
            spent = []
            for _ in range(times + 1):
                seconds, torch = spend(case)
                (folder / "volume.npy").unlink(missing_ok=True)
                spent.append(seconds)
            yes = "yes" if torch == "True" else "no"
            print(f"{what:34}{statistics.median(spent[1:]):5.2f}  {yes}")
        print(f"{'':34}CPU s  compiling")
        for what, case in first_cases(folder).items():
            seconds, compiling = spend(case)
            print(f"{what:34}{seconds:5.2f}  {float(compiling):5.2f}")


if __name__ == "__main__":
    main()
