"""Full disks, read-only folders, no memory, signals, and two commands at once."""

import signal
from functools import partial
from random import Random

import pytest
from kill import workers
from scenarios import inputs
from surroundings import (
    Bench,
    Case,
    cases,
    full_disk,
    gone,
    may_mount,
    no_memory,
    read_only,
    signalled,
    small_files,
    twice,
)

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    return Bench(inputs(scratch / "inputs"), scratch)


@pytest.mark.parametrize("name", ["import", "train", "export"])
@pytest.mark.parametrize("fault", [partial(small_files, kilobytes=2), read_only, twice])
def test_a_fault_is_one_line_and_costs_nothing(bench, fault, name):
    assert not fault(bench, name=name).faults


def test_a_full_disk_is_one_line_and_costs_nothing(bench):
    fault = partial(full_disk, kilobytes=40) if may_mount() else partial(small_files, kilobytes=1)
    case = fault(bench, name="run")
    assert case.code == 2 and not case.faults


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["import", "train", "run"])
def test_a_signal_is_one_line_and_costs_nothing(bench, name, number):
    assert not signalled(bench, name, number, Random(3)).faults


def test_weights_that_are_gone_cost_nothing(bench):
    case = gone(bench, "w.safetensors", "run with weights")
    assert "w.safetensors do not exist" in case.said and not case.faults


@pytest.mark.slow
def test_every_fault_before_every_command(bench):
    """But for want of memory, which ends where chance has it: at times in a library of others."""
    rows = [case() for case in cases(bench, 0) if case.func is not no_memory]
    assert len(rows) > 80
    faults = [case for case in rows if case.faults]
    assert not faults, "\n".join(map(str, faults))


def test_a_dask_worker_that_dies_while_it_starts_is_one_line(bench):
    place = bench.place("trial")
    running = bench.start("run on Dask", place)
    rows = []
    while not running.ended and not rows:
        rows = workers(running)
    rows[0].kill()
    case = Case("a worker killed at its start", "run on Dask")
    bench.ended(case, running, (2,))
    assert "died while it was starting" in case.said and not case.faults
