"""SIGKILL at random moments, then --resume: the result of an unbroken run, bit for bit."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from recon.core import Micrographs, Volume, weights

pytestmark = pytest.mark.processes

# Saves after every step, so that what is resumed is rarely the beginning.
COMMAND = """
import recon.core.executors.local, recon.plugins.denoisers.training as training
recon.core.executors.local.SAVE_EVERY = training.CHECKPOINT_SECONDS = 0.0
from recon.cli import main
main()
"""


def start(*arguments):
    command = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(*arguments):
    process = start(*arguments)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def kill_until_done(arguments, appears, moments):
    """Kill at each moment after the state appears, then let it end; how often it was killed."""
    kills = 0
    for moment in moments:
        process = start(*arguments)
        while process.poll() is None and not appears():
            time.sleep(0.01)
        time.sleep(moment)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.communicate()
    finish(*arguments)
    return kills


def test_run(tmp_path):
    gaussian = ("run", "--denoiser", "gaussian", "--shape", 40, 40, 40, "--steps", 60)
    run = (*gaussian, "--samples", 2)
    finish(*run, "--out", tmp_path / "whole")
    out = tmp_path / "broken"
    chance = random.Random(0)
    kills = kill_until_done(
        (*run, "--out", out, "--resume"),
        lambda: any((out / ".state").glob("*.safetensors")) or (out / "report.html").exists(),
        [chance.uniform(0, 1.0) for _ in range(3)],
    )
    assert kills >= 2
    for name in ("000.zarr", "001.zarr"):
        whole, again = Volume.open(tmp_path / "whole" / name), Volume.open(out / name)
        assert np.array_equal(whole.labels, again.labels)
    assert (out / "measurements.json").read_text() == (
        tmp_path / "whole" / "measurements.json"
    ).read_text()
    assert sorted(p.name for p in out.iterdir()) == sorted(
        p.name for p in (tmp_path / "whole").iterdir()
    )


def test_train(tmp_path):
    rng = np.random.default_rng(0)
    stacks = {plane: rng.integers(0, 2, (4, 40, 40)) for plane in ("xy", "xz", "yz")}
    Micrographs(stacks).save(tmp_path / "m.zarr")
    size = ["--set", "denoiser.width=8", "--set", "denoiser.batch=4", "--steps", 40]
    train = ("train", tmp_path / "m.zarr", *size)
    finish(*train, "--out", tmp_path / "whole.safetensors")
    out = tmp_path / "broken.safetensors"
    chance = random.Random(1)
    kills = kill_until_done(
        (*train, "--out", out, "--resume"),
        lambda: out.with_suffix(".checkpoint").exists() or out.exists(),
        [chance.uniform(0, 0.5) for _ in range(3)],
    )
    assert kills >= 2
    whole = weights.read(tmp_path / "whole.safetensors").parameters
    again = weights.read(out).parameters
    assert all((whole[name] == again[name]).all() for name in whole)
    assert not [path for path in Path(tmp_path).iterdir() if path.suffix == ".checkpoint"]
