"""Signals to two processes under torchrun, then --resume: the volume of an unbroken run.

torchrun adds an account of its own, in many lines, and its own exit code; recon says one line.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

import recon.core
from recon.core import Volume

SCRIPT = """
import torch
import recon.workflow.executors.in_slabs as in_slabs
from recon.cli import main
torch.set_num_threads(1)
in_slabs.SAVE_EVERY = 0.0
main()
"""
RUN = (
    "run",
    "--denoiser",
    "gaussian",
    "--harmonizer",
    "none",
    "--shape",
    40,
    24,
    24,
    "--steps",
    80,
)
OURS = ("interrupted; ", "terminated; ")
ROOT = str(Path(recon.core.__file__).parents[1])


def start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """Two processes of a `recon` that keeps its state after every step."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(script), *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=folder, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def finished(folder: Path, *arguments: object) -> np.ndarray:
    """The labels of a run that is let to its end."""
    process = start(folder, *arguments)
    _, errors = process.communicate(timeout=300)
    if process.returncode:
        raise click.ClickException(errors[-2000:])
    return Volume.open(folder / arguments[-1] / "volume.zarr").labels


def signalled(folder: Path, number: signal.Signals, moment: float, out: str) -> list[str]:
    """What was wrong when both got a signal some time after the first state."""
    process = start(folder, *RUN, "--resume", "--out", out)
    kept = folder / out / ".state" / "volume.slabs" / "latest.json"
    until = time.monotonic() + 120
    while not kept.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(moment)
    os.killpg(process.pid, number)
    try:
        _, errors = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return ["hung"]
    lines = errors.splitlines()
    faults = []
    if (told := sum(line.startswith(OURS) for line in lines)) != 1:
        faults.append(f"{told} lines of ours: {lines[:8]}")
    if any(f'File "{ROOT}' in line and ".venv" not in line for line in lines):
        faults.append(f"a traceback of ours: {errors[:2000]}")
    if not kept.exists():
        faults.append("the state is gone")
    return faults


@click.command(help=__doc__)
@click.option("--times", default=6, show_default=True, help="Signals, of both kinds in turn.")
@click.option("--seed", default=0, show_default=True, help="Of the moments.")
def main(times: int, seed: int) -> None:
    chance, bad = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = finished(folder, *RUN, "--out", "unbroken")
        for time_ in range(times):
            number = (signal.SIGINT, signal.SIGTERM)[time_ % 2]
            out, moment = f"trial-{time_}", chance.uniform(0, 0.5)
            faults = signalled(folder, number, moment, out)
            if not np.array_equal(finished(folder, *RUN, "--resume", "--out", out), expected):
                faults.append("another volume in the end")
            click.echo(f"| {number.name} under torchrun | run | {faults or 'survived'} |")
            bad += bool(faults)
    if bad:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
