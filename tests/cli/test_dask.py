"""`recon run --executor dask`: the volumes of the serial run, whatever dies on the way."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from click.testing import CliRunner

from recon.cli import main
from recon.core import Micrographs, Volume

SAMPLES = 16
GAUSSIAN = ("run", "--denoiser", "gaussian", "--harmonizer", "none", "--shape", 24, 24, 24)
RUN = (*GAUSSIAN, "--steps", 40, "--samples", SAMPLES)
NAMES = [f"{number:03d}.zarr" for number in range(SAMPLES)]
PLUGIN = """
import os, attrs
from recon.core import Metric, ReconError, hookimpl

@attrs.frozen
class Odd(Metric):
    \"\"\"Refuses the volumes whose solid voxels are odd in number.\"\"\"

    name = "odd"

    def measure(self, volume):
        if volume.labels.sum() % 2:
            raise ReconError("the number of voxels is odd")
        return 0.5

@hookimpl
def recon_metrics():
    return [Odd]
"""


def start(*arguments, **variables):
    """`recon ARGUMENTS` as the leader of a session, with one thread a process."""
    command = [sys.executable, "-m", "recon.cli", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True, start_new_session=True,
    )  # fmt: skip


def finish(process, code=0):
    """What it wrote to stderr."""
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    return errors


def here(*arguments):
    """`recon ARGUMENTS` in this process, with one thread too; what it wrote to stderr."""
    torch.set_num_threads(1)  # numba has its own number, which becomes torch's after a kernel
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.stderr


def until(process, holds):
    while not holds():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def made(out):
    return sorted(path.name for path in out.glob("*.zarr"))


def labels(out, name):
    return Volume.open(out / name).labels


def same(out, serial):
    """Whether two runs left the same volumes and measurements."""
    assert made(out) == made(serial) == NAMES
    assert all(np.array_equal(labels(out, name), labels(serial, name)) for name in NAMES)
    texts = [(folder / "measurements.json").read_text() for folder in (out, serial)]
    assert texts[0] == texts[1]


def rows(out):
    with (out / "samples.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """The folder of the run without Dask."""
    out = tmp_path_factory.mktemp("serial") / "out"
    here(*RUN, "--out", out)
    return out


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler, and a function that starts a worker of it."""
    processes, file = [], tmp_path / "scheduler.json"

    def launch(*arguments, **variables):
        command = [sys.executable, "-m", "dask", *map(str, arguments), "--no-dashboard"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
        log = (tmp_path / f"{len(processes)}.log").open("w")
        processes.append(subprocess.Popen(command, env=environment, stderr=log, stdout=log))
        log.close()
        return processes[-1]

    def worker(**variables):
        folder = tmp_path / f"worker-{len(processes)}"
        flags = ("--nthreads", 1, "--local-directory", folder, "--no-nanny")
        return launch("worker", "--scheduler-file", file, *flags, **variables)

    launch("scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", file)
    while not file.exists() or not file.read_text().endswith("}"):
        time.sleep(0.05)
    yield file, worker
    for process in reversed(processes):
        process.terminate()
        process.wait(30)


@pytest.fixture
def plugin(tmp_path):
    """A function that lays out an installed plugin package of a version; returns its folder."""

    def install(version):
        site = tmp_path / f"site-{version}"
        facts = site / f"recon_odd-{version}.dist-info"
        facts.mkdir(parents=True)
        (site / "recon_odd.py").write_text(PLUGIN)
        metadata = f"Metadata-Version: 2.1\nName: recon-odd\nVersion: {version}\n"
        (facts / "METADATA").write_text(metadata)
        (facts / "entry_points.txt").write_text("[recon]\nodd = recon_odd\n")
        return str(site)

    return install


def odd_recipe(tmp_path, name="odd"):
    path = tmp_path / "recipe.toml"
    path.write_text(f"[[metric]]\nname = 'volume-fraction'\n[[metric]]\nname = '{name}'\n")
    return path


@pytest.mark.processes
def test_a_worker_that_dies_changes_nothing_and_a_finished_run_does_nothing(serial, tmp_path):
    out = tmp_path / "out"
    run = (*RUN, "--executor", "dask", "--workers", 2, "--out", out, "--resume")
    process = start(*run)
    until(process, lambda: made(out))
    children = psutil.Process(process.pid).children(recursive=True)
    workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    assert len(workers) == 2
    workers[0].send_signal(signal.SIGKILL)
    assert len(made(out)) < SAMPLES
    errors = finish(process)
    assert "Traceback" not in errors and "distributed" not in errors
    same(out, serial)
    assert [row["worker"] for row in rows(serial)] == ["local"] * SAMPLES
    assert {row["worker"] for row in rows(out)} == {"0", "1"}
    assert [int(row["seed"]) for row in rows(out)] == list(range(SAMPLES))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert "is finished" in here(*run)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*")}


@pytest.mark.processes
def test_what_is_finished_when_interrupted_is_kept(serial, tmp_path):
    out = tmp_path / "out"
    run = (*RUN, "--executor", "dask", "--workers", 2, "--out", out)
    process = start(*run)
    until(process, lambda: len(made(out)) > 2)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: workers are of the same group
    told = [line for line in finish(process, 130).splitlines() if "left" not in line]
    assert told == ["interrupted; run, train, sweep and design continue from here with --resume"]
    assert not psutil.wait_procs(children, 10)[1]
    kept = {name: (out / name).stat().st_mtime_ns for name in made(out)}
    assert 2 < len(kept) < SAMPLES
    here("run", "--out", out, "--resume")  # serially, too
    same(out, serial)
    assert kept == {name: (out / name).stat().st_mtime_ns for name in kept}
    makers = {row["worker"]: row["sample"] for row in rows(out)}
    assert "local" in makers and makers.keys() & {"0", "1"}


@pytest.mark.processes
def test_a_running_cluster_is_driven_by_its_address_and_gets_the_weights(
    cluster, tmp_path, monkeypatch
):
    file, worker = cluster
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    Micrographs({p: rng.random((3, 40, 30)) < 0.4 for p in ("xy", "xz", "yz")}).save(
        tmp_path / "m.zarr"
    )
    np.save(tmp_path / "anchor.npy", (rng.random((24, 24)) < 0.4).astype(np.uint8))
    for _ in range(2):
        worker()
    train = ("train", "m.zarr", "--denoiser", "gaussian", "--out", "w.safetensors")
    here(*train)
    run = (*GAUSSIAN, "--weights", "w.safetensors", "--anchor", "xy:3=anchor.npy", "--samples", 4)
    here(*run, "--out", "serial")
    address = json.loads(file.read_text())["address"]
    assert address.startswith("tcp://127.0.0.1:")
    flags = ("--executor", "dask", "--scheduler", address, "--workers", 2, "--out", "out")
    here(*run, *flags)
    for name in made(tmp_path / "serial"):
        there = labels(tmp_path / "out", name)
        assert np.array_equal(there, labels(tmp_path / "serial", name))
        assert np.array_equal(there[3], np.load(tmp_path / "anchor.npy"))
    ours = Volume.open(tmp_path / "out/000.zarr").provenance
    assert ours == Volume.open(tmp_path / "serial/000.zarr").provenance
    assert len({row["worker"] for row in rows(tmp_path / "out")}) == 2


@pytest.mark.processes
def test_workers_without_the_plugin_are_told_from_samples_that_fail(cluster, plugin, tmp_path):
    file, worker = cluster
    ours, other = plugin("1.0"), plugin("2.0")
    worker()
    worker(PYTHONPATH=other)
    run = ("run", odd_recipe(tmp_path), *RUN[1:], "--executor", "dask", "--out", tmp_path / "out")
    flags = ("--scheduler", file, "--workers", 2)
    (line,) = finish(start(*run, *flags, PYTHONPATH=ours), 2).strip().splitlines()[-1:]
    assert "lacks metric odd of recon-odd 1.0" in line
    assert "has metric odd recon-odd 2.0 and not recon-odd 1.0" in line
    assert line.count("worker tcp://") == 2 and "no sample has been tried" in line
    assert not (tmp_path / "out").exists()
    # The same recipe where the plugin is: its own refusals are the samples' own.
    line = finish(start(*run, "--workers", 2, PYTHONPATH=ours), 2).strip().splitlines()[-1]
    odd = [name[:3] for name in made(tmp_path / "out") if labels(tmp_path / "out", name).sum() % 2]
    assert 0 < len(odd) < SAMPLES and made(tmp_path / "out") == NAMES
    said = f"{len(odd)} of {SAMPLES} samples failed, {', '.join(odd)}: the number of voxels is odd"
    assert said in line and "--resume tries again" in line


@pytest.mark.processes
def test_a_worker_that_joins_late_and_lacks_the_plugin_is_sent_away(cluster, plugin, tmp_path):
    file, worker = cluster
    site = plugin("1.0")
    text = (Path(site) / "recon_odd.py").read_text().replace("% 2", "< 0")
    (Path(site) / "recon_odd.py").write_text(text)
    worker(PYTHONPATH=site)
    out = tmp_path / "out"
    run = ("run", odd_recipe(tmp_path), *GAUSSIAN[1:], "--steps", 200, "--samples", 40)
    flags = ("--executor", "dask", "--scheduler", file, "--out", out)
    process = start(*run, *flags, PYTHONPATH=site)
    until(process, lambda: made(out))
    late = worker()
    errors = finish(process)
    assert errors.count("lacks metric odd of recon-odd 1.0; it was retired") == 1
    assert late.wait(30) is not None
    assert len({row["worker"] for row in rows(out)}) == 1 and len(rows(out)) == 40


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--scheduler", "tcp://127.0.0.1:8786"), "--scheduler is for --executor dask"),
        (("--workers", 2), "--workers is for --executor dask"),
        (("--executor", "dask", "--workers", 0), "Invalid value for '--workers'"),
        (("--executor", "dask", "--scheduler", "nonsense:x"), "cannot reach the scheduler"),
    ],
)
def test_flags_that_do_not_fit_are_one_line_and_leave_nothing(recon, flags, message):
    (line,) = recon(*RUN, *flags, code=2).stderr.strip().splitlines()[-1:]
    assert line.startswith(f"Error: {message}")
    assert list(Path().iterdir()) == []


def test_without_dask_the_extra_is_named(recon, monkeypatch):
    monkeypatch.setattr("recon.workflow.executors.dask.find_spec", lambda name: None)
    line = recon(*RUN, "--executor", "dask", code=2).stderr.strip().splitlines()[-1]
    assert line == "Error: executor dask needs dask.distributed: pip install 'microrecon[scale]'"
