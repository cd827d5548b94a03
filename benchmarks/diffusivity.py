"""diffusivity against taufactor and porespy, in one run.

    pip install taufactor porespy && python benchmarks/diffusivity.py [--sides 64 128 256]
        [--threads 1 2] [--repeats 3] [--without taufactor] [--json FILE]

Relative diffusivity along z of half of a smoothed Gaussian field. Times are medians in seconds of
whole calls from the label array to the number, after a first call that compiles (its time is given
too); beyond 128^3 peers run once. Errors are relative to recon's own result at tolerance 1e-11.

recon      default tolerance; connected clusters, set-up and solution
taufactor  default convergence criterion, on the CPU
porespy    `tortuosity_fd` with its defaults: the concentration is fixed at voxel centres, so it
           answers a slightly different question; its deviation is no error
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import porespy
import taufactor
import torch
from scipy.ndimage import gaussian_filter

from recon.core import Volume
from recon.plugins.properties.diffusivity import Diffusivity

LARGEST_REPEATED = 128


def median(call: Callable[[], float], repeats: int) -> tuple[float, float]:
    """Median time of several calls in seconds, and what the last one returned."""
    times, value = [], 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        value = call()
        times.append(time.perf_counter() - start)
    return statistics.median(times), value


def blobs(side: int) -> Volume:
    """Half of a smoothed Gaussian field conducts."""
    noise = np.random.default_rng(0).standard_normal((side,) * 3, dtype=np.float32)
    field = gaussian_filter(noise, 3, mode="wrap")
    return Volume(field > np.median(field))


def by_recon(volume: Volume, tolerance: float = 1e-5) -> float:
    """Relative diffusivity along z by recon."""
    solver = Diffusivity(axes=("z",), tolerance=tolerance)
    return float(solver.solve(volume)["relative"][0])


def by_taufactor(volume: Volume) -> float:
    """The same by taufactor, whose first axis is that of flow."""
    solver = taufactor.Solver(volume.labels, device="cpu")
    solver.solve(iter_limit=100_000, verbose=False)
    return float(np.ravel(solver.D_rel)[0])


def by_porespy(volume: Volume) -> float:
    """The same by porespy."""
    result = porespy.simulations.tortuosity_fd(volume.labels.astype(bool), axis=0)
    return 1 / float(result.formation_factor)


SOLVERS: dict[str, Callable[[Volume], float]] = {
    "recon": by_recon,
    "taufactor": by_taufactor,
    "porespy": by_porespy,
}


def compare(side: int, threads: int, repeats: int, without: list[str]) -> list[dict[str, Any]]:
    """One row for each solver."""
    numba.set_num_threads(threads)
    torch.set_num_threads(threads)
    volume = blobs(side)
    exact = by_recon(volume, 1e-11)
    rows: list[dict[str, Any]] = []
    for name, solve in SOLVERS.items():
        if name in without:
            continue
        often = repeats if name == "recon" or side <= LARGEST_REPEATED else 1
        seconds, value = median(lambda solve=solve: solve(volume), often)  # type: ignore[misc]
        row = {"side": side, "threads": threads, "solver": name, "seconds": seconds}
        row |= {"relative": value, "error": value / exact - 1}
        row["times recon"] = seconds / rows[0]["seconds"] if rows else 1.0
        rows.append(row)
        print(
            f"{side:5} {threads:8} {name:10} {seconds:9.3f} {row['times recon']:12.1f} "
            f"{value:10.7f} {row['error']:10.1e}",
            flush=True,
        )
    return rows


def main() -> None:
    """Print the comparison; write it as JSON too if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--without", nargs="+", default=[], choices=["taufactor", "porespy"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    porespy.settings.tqdm["disable"] = True
    start = time.perf_counter()
    by_recon(blobs(16))
    results: dict[str, Any] = {"first call": time.perf_counter() - start, "rows": []}
    print(f"first call {results['first call']:.2f} s")
    print("side  threads solver       seconds  times recon   relative      error")
    for side in arguments.sides:
        for threads in arguments.threads:
            threads = min(threads, numba.config.NUMBA_NUM_THREADS)
            results["rows"] += compare(side, threads, arguments.repeats, arguments.without)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
