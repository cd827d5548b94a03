"""One volume over several processes under torchrun is that of one process, bit for bit."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from recon.core import Volume
from recon.core.bundled import list_bundled

pytestmark = pytest.mark.processes

RUN = ("run", "--shape", 34, 20, 18, "--steps", 8, "--seed", 3)
# Saves after every step, so that what is resumed is rarely the beginning.
SCRIPT = """
import time, torch
import recon.workflow.executors.in_slabs as in_slabs
from recon.cli import main
torch.set_num_threads(1)
in_slabs.SAVE_EVERY = 0.0
main()
"""
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("script") / "recon_run.py"
    path.write_text(SCRIPT)
    return path


def start(script, processes, *arguments, folder):
    command = [sys.executable, script, *arguments]
    if processes > 1:
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
        command = [sys.executable, *torchrun, processes, script, *arguments]
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(script, processes, *arguments, folder, code=0):
    process = start(script, processes, *arguments, folder=folder)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors
    return output, errors


def weights_of(name):
    """Arguments: bundled weights by their file, so that runs are not compared with micrographs."""
    return "--weights", list_bundled("unet-ddpm")[name]


@pytest.fixture(scope="module")
def alone(script, tmp_path_factory):
    """The folder of runs of one process, by weights."""
    folder = tmp_path_factory.mktemp("alone")
    for weights in ("porous", "electrode"):
        finish(script, 1, *RUN, *weights_of(weights), "--out", weights, folder=folder)
    return folder


def labels(path):
    return Volume.open(path / "volume.zarr").labels


@pytest.mark.parametrize(("weights", "processes"), [("porous", 2), ("porous", 4), ("electrode", 2)])
def test_the_volume_is_that_of_one_process(script, alone, tmp_path, weights, processes):
    arguments = (*RUN, *weights_of(weights), "--out", "out")
    output, _ = finish(script, processes, *arguments, folder=tmp_path)
    assert output.count("report.html") == 1  # one speaks
    assert np.array_equal(labels(tmp_path / "out"), labels(alone / weights))
    one, many = (Volume.open(path / "volume.zarr") for path in (alone / weights, tmp_path / "out"))
    assert one.provenance == many.provenance
    measured = [path / "measurements.json" for path in (tmp_path / "out", alone / weights)]
    assert measured[0].read_text() == measured[1].read_text()


def test_each_process_writes_its_own_chunks(script, tmp_path):
    arguments = ("run", "--denoiser", "gaussian", "--harmonizer", "none", "--steps", 3)
    arguments = (*arguments, "--shape", 150, 12, 10)
    finish(script, 1, *arguments, "--out", "one", folder=tmp_path)
    finish(script, 2, *arguments, "--out", "two", folder=tmp_path)
    assert np.array_equal(labels(tmp_path / "one"), labels(tmp_path / "two"))
    files = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*")}
    assert files == {path.relative_to(tmp_path / "two") for path in (tmp_path / "two").rglob("*")}


def test_killed_in_the_middle_it_goes_on_with_another_number(script, alone, tmp_path):
    arguments = (*RUN, *weights_of("porous"), "--out", "out", "--resume")
    process = start(script, 3, *arguments, folder=tmp_path)
    note = tmp_path / "out" / ".state" / "volume.slabs" / "latest.json"
    until = time.monotonic() + 120
    while not note.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    assert note.exists(), process.communicate()[1]
    process.kill()
    subprocess.run(["pkill", "-9", "-f", str(script)], check=False)
    process.communicate()
    assert not (tmp_path / "out" / "volume.zarr").exists()
    finish(script, 2, *arguments, folder=tmp_path)
    assert np.array_equal(labels(tmp_path / "out"), labels(alone / "porous"))
    finish(script, 2, *arguments, folder=tmp_path)  # a finished run lets all go


@pytest.mark.parametrize(
    ("processes", "arguments", "message"),
    [
        (3, ("--shape", "2", "8", "8"), "cannot be split over 3 processes"),
        (2, ("--executor", "dask"), "--executor dask starts its own processes"),
        (2, ("--anchor", "xy:1=slice.tif"), "anchors need the volume in the memory of one process"),
    ],
)
def test_refusals_are_told_once(script, tmp_path, processes, arguments, message):
    _, errors = finish(
        script, processes, "run", *arguments, "--out", "out", folder=tmp_path, code=1
    )
    assert message in errors
    assert not (tmp_path / "out").exists()


def test_a_dry_run_is_told_once(script, tmp_path):
    output, _ = finish(script, 2, "run", "--steps", 3, "--dry-run", folder=tmp_path)
    assert output.count("passes") == 1 and not list(Path(tmp_path).iterdir())
