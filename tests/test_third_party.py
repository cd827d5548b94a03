"""Plugin packages of other authors: built, installed and used as their users would."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nrrd
import numpy as np
import pytest

from recon.core import Micrographs, Volume

EXAMPLES = Path(__file__).parent.parent / "examples"
LINES = {"recon-euler-number": 30, "recon-nrrd": 45}
"""Package -> the lines that all of it must stay below."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Environment of a process that sees the packages; built without isolation or an index."""
    work = tmp_path_factory.mktemp("third-party")
    for name in LINES:
        shutil.copytree(EXAMPLES / name, work / name)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-build-isolation",
        "--no-index",
        "--no-deps",
    ]
    sources = [str(work / name) for name in LINES]
    command = [*pip, "--quiet", "--target", str(work / "site"), *sources]
    subprocess.run(command, check=True, capture_output=True)
    path = [str(work / "site"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


def run(environment, *arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", LINES)
def test_it_is_short(name):
    files = [*(EXAMPLES / name).glob("*.py"), EXAMPLES / name / "pyproject.toml"]
    assert sum(len(file.read_text().splitlines()) for file in files) < LINES[name]


@pytest.mark.slow
def test_its_conformance_test_is_one_line(environment):
    line = (
        "from recon_euler_number import EulerNumber as E; "
        "from recon.core.testing import check_plugin as c; c(E); c(E, phase=0)"
    )
    result = run(environment, "-c", line)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_volume_tells_the_version_of_the_metric(environment):
    line = (
        "from recon.core import Recipe; from recon.workflow.provenance import collect_versions; "
        "print(collect_versions(Recipe(metrics=['euler-number']))['recon-euler-number'])"
    )
    result = run(environment, "-c", line)
    assert result.stdout.strip() == "0.1", result.stderr


@pytest.mark.slow
def test_an_exporter_of_another_package(environment, tmp_path):
    labels = np.random.default_rng(1).integers(0, 3, (20, 24, 28))
    Volume(labels, (5e-7, 4e-7, 2e-7)).save(tmp_path / "v.zarr")
    path = tmp_path / "v.nrrd"
    line = (
        "from recon_nrrd import NrrdExporter; "
        "from recon.core.testing import check_plugin as c; c(NrrdExporter, encoding='raw')"
    )
    flags = ("--unit", "nm", "--set", "nrrd.encoding=raw")
    done = run(
        environment, "-m", "recon.cli", "export", str(tmp_path / "v.zarr"), str(path), *flags
    )
    assert done.returncode == 0, done.stderr
    array, header = nrrd.read(str(path), index_order="C")
    assert np.array_equal(array, labels) and header["encoding"] == "raw"
    assert header["spacings"] == pytest.approx([200, 400, 500])
    assert header["units"] == ["nm"] * 3
    done = run(environment, "-c", line)
    assert done.returncode == 0, done.stderr
    out = str(tmp_path / "m.zarr")
    arguments = ("--volume", str(path), "--out", out, "--every", "1", "--preview", "none")
    done = run(environment, "-m", "recon.cli", "import", *arguments)
    assert done.returncode == 0, done.stderr
    made = Micrographs.open(out)
    assert np.array_equal(np.stack(made.planes["xy"]), labels)
    assert made.voxel_size == pytest.approx((5e-7, 4e-7, 2e-7))
    help = run(environment, "-m", "recon.cli", "export", "--help").stdout
    assert ".nrrd        NRRD of labels, uint8, with spacings and their unit." in help
