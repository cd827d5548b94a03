"""`recon measure` in parts: the same numbers as in memory, or one line that says why not."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

from recon.core import Volume
from recon.core.data import chunked_volume
from recon.workflow import whole_volume

IN_PARTS = (
    "volume-fraction", "two-point", "lineal-path", "chord-length", "surface-density", "percolation",
)  # fmt: skip

# Linux counts what the process that started a child held at that moment as the child's peak:
# a small process in between says the peak of the command alone.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


@pytest.fixture
def volume(tmp_path):
    """volume.zarr: blocks of three phases, 70 voxels along z: two chunks."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, (35, 12, 10), np.uint8).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    Volume(labels, (4e-7,) * 3, ["pore", "grain", "binder"]).save(tmp_path / "volume.zarr")


def test_memory_changes_no_number(recon, volume):
    names = [word for name in IN_PARTS for word in ("--metric", name)]
    names += ["--set", "percolation.periodic=true", "--set", "two-point.planes=true"]
    whole = recon("measure", "volume.zarr", *names, "--json", "whole.json")
    parts = recon("measure", "volume.zarr", *names, "--json", "parts.json", "--memory", "100GB")
    assert parts.stdout == whole.stdout
    assert Path("parts.json").read_text() == Path("whole.json").read_text()
    assert list(json.loads(Path("parts.json").read_text())) == list(IN_PARTS)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--memory", "much"], "memory must be an amount > 0 such as 2GB, 500MB or 4GiB"),
        (["--memory", "20MB"], "memory of 20MB is too little: recon itself takes"),
        (["--memory", "9GB", "--metric", "local-thickness"], "metric local-thickness needs the"),
        (["--memory", "9GB", "--property", "diffusivity"], "property diffusivity needs the whole"),
        (["--memory", "9GB", "--against", "volume.zarr"], "--against needs the whole volume"),
        (["--memory", "9GB", "--report", "page.html"], "--report needs the whole volume in memory"),
    ],
)
def test_what_cannot_be_done_in_parts_is_refused_in_one_line(recon, volume, flags, message):
    result = recon("measure", "volume.zarr", "--json", "out.json", *flags, code=2)
    assert message in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert not Path("out.json").exists() and not Path("page.html").exists()


@pytest.mark.slow
def test_a_volume_that_does_not_fit_is_read_in_parts_unless_it_cannot(recon, volume, monkeypatch):
    # What a small machine would say; a volume that this one cannot hold would take too long.
    with monkeypatch.context() as small:
        for module in (chunked_volume, whole_volume):
            small.setattr(module, "measure_available", lambda: 100_000)
        result = recon("measure", "volume.zarr", "--metric", "lineal-path", "--json", "parts.json")
        assert "volume.zarr does not fit into memory and is read part by part" in result.stderr
        report = recon("measure", "volume.zarr", "--metric", "lineal-path", "--report", "page.html")
        assert "part by part" not in report.stderr and Path("page.html").exists()
        result = recon("measure", "volume.zarr", "--metric", "two-point-cluster")
        assert "part by part" not in result.stderr
    result = recon("measure", "volume.zarr", "--metric", "lineal-path", "--json", "whole.json")
    assert "part by part" not in result.stderr
    assert Path("parts.json").read_text() == Path("whole.json").read_text()


@pytest.mark.slow
def test_the_resident_memory_stays_below_what_is_given(tmp_path):
    """1 GB of labels, mostly never written, inside 900 MB of which recon itself takes most."""
    group = zarr.create_group(tmp_path / "volume.zarr")
    array = group.create_array("0", shape=(1024,) * 3, chunks=(64,) * 3, dtype=np.uint8)
    array[500:600, 300:400, :] = 1
    Volume(np.eye(8, dtype=np.uint8)[None]).save(tmp_path / "small.zarr")
    flags = ["--metric", "volume-fraction", "--metric", "percolation", "--memory", "900MB"]
    command = [sys.executable, "-m", "recon.cli", "measure", "small.zarr", *flags]
    subprocess.run(command, cwd=tmp_path, check=True)  # numba compiles, in memory of its own
    command[command.index("small.zarr")] = "volume.zarr"
    done = subprocess.run([sys.executable, "-c", PEAK, *command], cwd=tmp_path, capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert "components: 0 1, 1 1" in done.stdout
    unit = 1 if sys.platform == "darwin" else 1024
    assert unit * int(done.stderr.split()[-1]) < 900e6
