"""A plugin package of another author: built, installed and used as its users would."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recon.core import Volume

SOURCE = Path(__file__).parent.parent / "examples" / "recon-euler-number"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Environment of a process that sees the package; built without isolation or an index."""
    work = tmp_path_factory.mktemp("third-party")
    shutil.copytree(SOURCE, work / "source")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-build-isolation",
        "--no-index",
        "--no-deps",
    ]
    command = [*pip, "--quiet", "--target", str(work / "site"), str(work / "source")]
    subprocess.run(command, check=True, capture_output=True)
    return {**os.environ, "PYTHONPATH": str(work / "site")}


def run(environment, *arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_it_is_under_thirty_lines():
    files = [SOURCE / "pyproject.toml", SOURCE / "recon_euler_number.py"]
    assert sum(len(file.read_text().splitlines()) for file in files) < 30


def test_its_conformance_test_is_one_line(environment):
    line = (
        "from recon_euler_number import EulerNumber as E; "
        "from recon.core.testing import check_plugin as c; c(E); c(E, phase=0)"
    )
    result = run(environment, "-c", line)
    assert result.returncode == 0, result.stderr


def test_the_command_lists_and_runs_it(environment, tmp_path):
    result = run(environment, "-m", "recon.cli", "plugins")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert ["metric", "euler-number", "recon-euler-number", "0.1", "phase=1"] in rows
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[1:3, 1:3, 1:3] = labels[5:7, 5:7, 5:7] = 1
    Volume(labels).save(tmp_path / "two.zarr")
    arguments = [str(tmp_path / "two.zarr"), "--metric", "euler-number"]
    out = ["--json", str(tmp_path / "two.json")]
    result = run(environment, "-m", "recon.cli", "measure", *arguments, *out)
    assert result.returncode == 0, result.stderr
    measured = json.loads((tmp_path / "two.json").read_text())["euler-number"]["data"]
    assert measured == 2 / 8**3
    bad = run(
        environment, "-m", "recon.cli", "measure", *arguments, "--set", "euler-number.phase=-1"
    )
    assert bad.returncode == 2
    assert bad.stderr.strip() == "Error: metric euler-number: phase must be >= 0, got -1"


def test_a_volume_tells_the_version_of_the_metric(environment):
    line = (
        "from recon.core.recipe import Choice, Recipe; from recon.workflow.run import versions; "
        "print(versions(Recipe(metrics=(Choice('euler-number'),)))['recon-euler-number'])"
    )
    result = run(environment, "-c", line)
    assert result.stdout.strip() == "0.1", result.stderr
