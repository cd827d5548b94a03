"""`recon train` under torchrun: an error is told once, a lost worker costs nothing."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from recon.core import Micrographs, weights

pytestmark = pytest.mark.processes

# Saves after every step, and leaves its process number for each time it was started.
SCRIPT = """
import os
from pathlib import Path
import recon.plugins.denoisers.training as training
training.CHECKPOINT_SECONDS = 0.0
restarts, rank = os.environ["TORCHELASTIC_RESTART_COUNT"], os.environ["RANK"]
Path(f"started.{restarts}.{rank}").write_text(str(os.getpid()))
from recon.cli import main
main()
"""
SIZE = ("--set", "denoiser.width=8", "--set", "denoiser.batch=5", "--set", "denoiser.crop=16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("together")
    (path / "script.py").write_text(SCRIPT)
    rng = np.random.default_rng(0)
    stacks = {plane: rng.integers(0, 2, (4, 40, 40)) for plane in ("xy", "xz", "yz")}
    Micrographs(stacks).save(path / "m.zarr")
    return path


def start(folder, *arguments, restarts=0):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    command += ["2", "--max-restarts", str(restarts), "script.py", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=folder, text=True, env=environment, **pipes)


def test_a_killed_worker_is_replaced_and_the_weights_are_those_of_an_unbroken_training(folder):
    train = ("train", "m.zarr", *SIZE, "--steps", 60)
    unbroken = start(folder, *train, "--out", "unbroken.safetensors")
    output, errors = unbroken.communicate(timeout=300)
    assert unbroken.returncode == 0, errors
    assert len(output.splitlines()) == 1  # of the first process alone
    (folder / "started.0.1").unlink()
    broken = start(folder, *train, "--out", "broken.safetensors", "--resume", restarts=1)
    while broken.poll() is None and not (folder / "broken.checkpoint").exists():
        time.sleep(0.01)
    os.kill(int((folder / "started.0.1").read_text()), signal.SIGKILL)
    output, errors = broken.communicate(timeout=300)
    assert broken.returncode == 0, errors
    assert {path.name for path in folder.glob("started.1.*")} == {"started.1.0", "started.1.1"}
    expected = weights.read(folder / "unbroken.safetensors").parameters
    parameters = weights.read(folder / "broken.safetensors").parameters
    assert all((expected[name] == parameters[name]).all() for name in expected)
    assert not list(folder.glob("*.checkpoint")) and not list(folder.glob(".*partial"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "denoiser.widht=8"), "unknown option of denoiser unet-ddpm 'widht'; did you"),
        (("--nope",), "No such option '--nope'"),
        (("--set", "denoiser.batch=1"), "denoiser.batch must be at least the number of processes"),
        (("--denoiser", "gaussian"), "denoiser gaussian trains in one process, got 2; start"),
        (("--steps", 20, "--set", "denoiser.rate=1e30"), "training diverged at step"),
    ],
)
def test_an_error_is_one_line_and_ends_all_processes(folder, arguments, message):
    size = () if "gaussian" in arguments else SIZE
    process = start(folder, "train", "m.zarr", "--out", "none.safetensors", *size, *arguments)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 1 and not output
    told = [line for line in errors.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1 and told[0].startswith(f"Error: {message}")
    before, _, account = errors.partition(told[0])  # torchrun's own account, which repeats it
    assert "Traceback" not in before and "exitcode  : 2" in account
    assert f"traceback : {message}" in account
    assert not (folder / "none.safetensors").exists()
