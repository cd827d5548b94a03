"""Training speed of one process and of two under torchrun, at the same number of threads.

    python benchmarks/training_processes.py [--preset tiny] [--steps 30] [--repeats 3] [--batch N]

Milliseconds of a step: in each repeat the kinds of start take turns, each gives the median of its
steps after a few to warm up; printed are the medians over the repeats, their range, and the ratio.
Trained on noise: the time does not depend on what is seen.
"""

import itertools
import os
import statistics
import subprocess
import sys
import time

import click
import numpy as np
import torch

from recon.core import Micrographs
from recon.core.sampling.processes import world
from recon.plugins.denoisers import training
from recon.plugins.denoisers.unet_ddpm import UnetDdpm
from recon.workflow.executors.process_group import join_processes

WARM = 5
STARTS = ((1, 1), (1, 2), (2, 1))
"""Processes, and threads of each."""


def worker(preset: str, steps: int, batch: int | None) -> None:
    """Train and print the median step in milliseconds; what each process of a start does."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    training.REPORT_SECONDS = 0.0
    training.JUDGED = 1
    ends: list[float] = []
    planes = np.random.default_rng(0).integers(0, 2, (3, 20, 128, 128))
    micrographs = Micrographs(dict(zip(("xy", "xz", "yz"), planes, strict=True)))
    denoiser = UnetDdpm(preset=preset, steps=WARM + steps + 1, batch=batch)
    with join_processes():
        facts = denoiser.fit(micrographs, report=lambda _: ends.append(time.perf_counter()))
    if world().first:  # the last step is left out: the held-out loss is part of it
        times = [b - a for a, b in itertools.pairwise(ends[WARM - 1 : -1])]
        print(1e3 * statistics.median(times), facts["parameters"])


def measured(processes: int, threads: int, arguments: list[str]) -> tuple[float, int]:
    """Milliseconds of a step, and the network's parameters."""
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", str(processes)]
    done = subprocess.run(
        [*command, __file__, "--worker", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    milliseconds, parameters = done.stdout.split()
    return float(milliseconds), int(parameters)


@click.command()
@click.option("--preset", default="tiny", show_default=True)
@click.option("--steps", default=30, show_default=True)
@click.option("--repeats", default=3, show_default=True)
@click.option("--batch", type=int, help="Crops in a step of all processes; of the preset.")
@click.option("--worker", "as_worker", is_flag=True, hidden=True)
def main(preset: str, steps: int, repeats: int, batch: int | None, as_worker: bool) -> None:
    """Print medians and ratios."""
    if as_worker:
        worker(preset, steps, batch)
        return
    arguments = ["--preset", preset, "--steps", str(steps)]
    arguments += ["--batch", str(batch)] if batch else []
    times: dict[tuple[int, int], list[float]] = {start: [] for start in STARTS}
    for _ in range(repeats):
        for start in STARTS:
            milliseconds, parameters = measured(*start, arguments)
            times[start].append(milliseconds)
    print(f"{preset}: {parameters / 1e6:.2f} M parameters, {4e-6 * parameters:.1f} MB of gradients")
    base = statistics.median(times[1, 2])
    for (processes, threads), entry in times.items():
        median = statistics.median(entry)
        print(
            f"{processes} x {threads} threads: {median:.1f} ms a step "
            f"({min(entry):.1f} to {max(entry):.1f}), {base / median:.2f} times the speed of 1 x 2"
        )


if __name__ == "__main__":
    main()
