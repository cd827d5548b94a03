"""Every input that fuzzing once found at fault is read, or refused in one line; more are sought.

A file of the corpus is TARGET-NAME.json as `python benchmarks/faults/fuzz.py` leaves it; `was` in
it tells what happened before it was mended.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import fault, laid_out, made, unpacked
from targets import TARGETS

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json"))
FUZZ = Path(__file__).parents[2] / "benchmarks" / "faults" / "fuzz.py"


def target_of(path):
    return max((name for name in TARGETS if path.name.startswith(name)), key=len)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_was_once_at_fault(path, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("RECON_MAX_IMAGE", "300MB")
    laid_out(unpacked(path), tmp_path)
    assert not fault(target_of(path), tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("target", TARGETS)
def test_a_few_broken_inputs_of_each_kind(target, tmp_path):
    told = []
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        laid_out(made(target, 0, number), folder)
        told.append(fault(target, folder))
    assert not any(told), told
    assert told.count("") > 5  # most are refused: they are really broken


@pytest.mark.parametrize("target", TARGETS)
def test_sound_inputs_are_read(target, tmp_path):
    for number, files in enumerate(TARGETS[target].sound()):
        folder = tmp_path / str(number)
        folder.mkdir()
        laid_out(files, folder)
        # The recipe that says all names files that are not there.
        assert fault(target, folder) in (None, "" if target == "recipe" else None)


@pytest.mark.slow
def test_many_broken_inputs(tmp_path):
    command = [sys.executable, str(FUZZ), "--inputs", "12000", "--seed", "3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
