"""`recon run` within a memory, and what --dry-run tells."""

from pathlib import Path

import numpy as np
import pytest

from recon.cli.run import command
from recon.core import Volume
from recon.workflow.executors import local
from recon.workflow.planning.plan import Memory

RUN = ("run", "--denoiser", "gaussian", "--harmonizer", "none", "--steps", 4, "--no-report")
SMALL = (*RUN, "--shape", 20, 10, 16, "--samples", 2)


def line(result):
    (text,) = result.stderr.strip().splitlines()[-1:]
    return text.removeprefix("Error: ")


@pytest.fixture
def thin_slabs(monkeypatch):
    """Memory that is enough for slabs of 8 planes only, whatever this process holds already."""
    monkeypatch.setattr(Memory, "of", lambda job, planes: Memory(10**12, {16: 10**11, 8: 1}))


def test_the_volumes_are_those_of_a_run_in_memory(recon, thin_slabs):
    recon(*SMALL, "--out", "whole")
    recon(*SMALL, "--memory", "2GB", "--out", "split")
    for name in ("000.zarr", "001.zarr"):
        one, two = (Volume.open(f"{out}/{name}") for out in ("whole", "split"))
        assert np.array_equal(one.labels, two.labels)
        assert one.provenance == two.provenance and one.phases == two.phases
    assert not Path("split/.state").exists()
    whole, split = (Path(f"{out}/measurements.json").read_text() for out in ("whole", "split"))
    assert whole == split


@pytest.mark.slow
def test_an_interrupted_run_goes_on_with_more_memory(recon, thin_slabs, monkeypatch):
    recon(*SMALL, "--out", "whole")
    monkeypatch.setattr("recon.workflow.executors.in_slabs.SAVE_EVERY", 0.0)
    sampled, states = local.sample_in_slabs, []

    def stopped(*arguments):
        *first, progress = arguments

        def step(what, done, total, word):
            if done == 3:
                raise KeyboardInterrupt
            progress(what, done, total, word)

        states.append(arguments)
        return sampled(*first, step)

    monkeypatch.setattr(local, "sample_in_slabs", stopped)
    recon(*SMALL, "--memory", "2GB", "--out", "split", code=130)
    assert (Path("split/.state/000.slabs/latest.json")).exists() and len(states) == 1
    monkeypatch.setattr(local, "sample_in_slabs", sampled)
    monkeypatch.setattr(Memory, "of", lambda job, planes: Memory(10**12, {16: 1}))
    recon(*SMALL, "--memory", "3GB", "--out", "split", "--resume")
    for name in ("000.zarr", "001.zarr"):
        one, two = (Volume.open(f"{out}/{name}").labels for out in ("whole", "split"))
        assert np.array_equal(one, two)


@pytest.mark.slow
def test_a_dry_run_tells_and_does_nothing(recon):
    outcome = recon("run", "--shape", 64, 64, 64, "--steps", 6, "--samples", 3, "--dry-run")
    told = dict(line.split(maxsplit=1) for line in outcome.stdout.splitlines())
    assert list(told) == ["volume", "passes", "arithmetic", "memory", "time", "disk"]
    assert told["volume"] == "64 x 64 x 64 voxels, 3 samples"
    assert told["passes"] == "14 of the network a sample, in 6 steps"
    assert told["arithmetic"].endswith("TFLOP in the network a sample")
    assert told["memory"].endswith("the volume whole in memory")
    assert not list(Path().iterdir())
    (limited,) = (
        text
        for text in recon(
            "run", "--shape", 512, 512, 512, "--steps", 6, "--memory", "8GB", "--dry-run"
        ).stdout.splitlines()
        if text.startswith("memory")
    )
    assert limited.endswith("in slabs of 64 planes on disk")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--memory", "much"), "memory must be an amount > 0 such as 2GB, 500MB or 4GiB"),
        (("--memory", "100MB"), "even in thin slabs, got 100MB; give more --memory"),
        (("--memory", "2GB", "--executor", "dask"), "--memory is for --executor local"),
        (("--dry-run", "--steps", "0"), "recipe: steps must be in [1, 1000], got 0"),
        (("--dry-run", "--micrographs", "none.zarr"), "micrographs none.zarr does not exist"),
    ],
)
def test_refusals(recon, arguments, message):
    assert message in line(recon("run", *arguments, code=2))
    assert not list(Path().iterdir())


def test_help_names_the_flags():
    names = {option for parameter in command.params for option in parameter.opts}
    assert {"--memory", "--dry-run"} <= names
