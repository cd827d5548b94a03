"""recon doctor: what is there, what is broken, what is odd."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from recon.cli import machine
from recon.cli.doctor import examine, run_test, to_text
from recon.core import catalog


@pytest.mark.filterwarnings("ignore:plugin recon-odd")
def test_doctor_tells_what_is_there_and_what_is_broken(recon, tmp_path, monkeypatch):
    content = json.loads(recon("doctor", "--json").stdout)
    assert content["broken"] == [] and set(content["tests"].values()) == {"ok"}
    assert content["versions"]["microrecon"] == catalog().entry("metric", "two-point").version
    assert "metric two-point" in content["plugins"]["microrecon"]["plugins"]
    assert content["machine"]["processors"] >= 1
    monkeypatch.setattr("recon.cli.doctor.TESTS", {})  # once is enough
    site = tmp_path / "site"
    folder = site / "recon_odd-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: recon-odd\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[recon]\nodd = recon_odd\n")
    (site / "recon_odd.py").write_text("import a_package_that_nobody_has\n")
    monkeypatch.syspath_prepend(str(site))
    catalog.cache_clear()
    try:
        text = recon("doctor", code=1).stdout
    finally:
        catalog.cache_clear()
    assert "broken: plugin package recon-odd: ModuleNotFoundError" in text
    assert text.endswith("something is broken\n") and "two-point" not in text


def test_doctor_knows_every_optional_package():
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    extra = pyproject["project"]["optional-dependencies"]["all"]
    names = {re.match(r"[\w-]+", requirement)[0] for requirement in extra}
    assert {{"pynrrd": "nrrd"}.get(name, name) for name in names} <= set(machine.OPTIONAL)


def test_doctor_tells_a_test_that_fails(monkeypatch):
    def fails(device):
        raise OSError("disk\nis gone")

    assert run_test(fails, "cpu") == "OSError: disk is gone"
    monkeypatch.setattr("recon.cli.doctor.TESTS", {"files": fails})
    result = examine()
    assert result["broken"] == ["files: OSError: disk is gone"]
    assert "  files: OSError: disk is gone" in to_text(result)


WELL = {
    "processors": 4,
    "torch_threads": 4,
    "environment": {},
    "numba_cache": ".",
    "memory_bytes": 16e9,
    "disk_free_bytes": 50e9,
}
CARD = {"auto": "cuda", "cards": [{"name": "a card", "memory_bytes": 8e9}], "torch_cuda": "12.8"}
ODD = [
    ({"torch_threads": 1}, {}, "one thread of 4 processors"),
    ({"torch_threads": 8}, {}, "8 threads share 4 processors; set OMP_NUM_THREADS=4"),
    ({"environment": {"NUMBA_DISABLE_JIT": "1"}}, {}, "NUMBA_DISABLE_JIT is set"),
    ({"memory_bytes": 2e9}, {}, "memory is below 4 GB"),
    ({"disk_free_bytes": 1e8}, {}, "less than 1 GB is free"),
    ({"numba_cache": "no/such/folder"}, {}, "compiled code cannot be kept"),
    ({}, {"cards": []}, "torch is built for CUDA but finds no card"),
]


@pytest.mark.parametrize(("machine_facts", "device_facts", "message"), ODD)
def test_oddities_are_named_with_a_remedy(machine_facts, device_facts, message):
    (line,) = machine.list_oddities(WELL | machine_facts, CARD | device_facts)
    assert message in line and (";" in line or "so every" in line)


def test_a_sound_machine_has_no_oddities():
    assert list(machine.list_oddities(WELL, CARD)) == []
