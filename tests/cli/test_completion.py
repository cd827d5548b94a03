"""Completion in the shell: what is offered, and that it is quick."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from recon.cli import COMMANDS, main
from recon.core import catalog


def completed(*words):
    """What pressing tab after the words offers: (value, kind)."""
    env = {
        "_RECON_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(map(str, ("recon", *words))),
        "COMP_CWORD": str(len(words)),
    }
    result = CliRunner().invoke(main, [], prog_name="recon", env=env, catch_exceptions=False)
    return [tuple(line.split(",", 1)[::-1]) for line in result.stdout.splitlines() if line]


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """A folder for what is kept of the commands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def values(*words):
    return [value for value, _ in completed(*words)]


def test_commands_flags_and_names_are_completed():
    assert values("") == list(COMMANDS)
    assert values("p") == ["plugins"]
    assert "--quiet" in values("--")
    assert values("run", "--harm") == ["--harmonizer"]
    for flag, kind in (("denoiser", "denoiser"), ("harmonizer", "harmonizer")):
        assert values("run", f"--{flag}", "") == catalog().names(kind)
    assert values("sweep", "--schedule", "c") == ["cyclic"]
    assert values("train", "m.zarr", "--init", "p") == ["porous"]
    assert values("measure", "v.zarr", "--metric", "two") == ["two-point", "two-point-cluster"]
    assert values("measure", "v.zarr", "--property", "di") == ["diffusivity"]
    assert values("measure", "v.zarr", "--materials", "g") == ["glass-epoxy"]
    assert values("example", "") == ["porous", "fibres", "electrode"]
    assert values("plugins", "lin") == ["lineal-path"]
    assert {"cpu", "cuda"} < set(values("run", "--device", ""))


def test_what_was_given_before_is_taken_note_of():
    assert values("run", "-q", "--sc") == ["--schedule", "--scheduler"]
    assert values("run", "--shape", 3, 3, 3, "--per") == ["--periodic"]
    assert values("run", "--steps", 3, "--ste") == []
    assert values("measure", "v.zarr", "--metric", "two-point", "--metr") == ["--metric"]


@pytest.mark.processes
def test_the_second_key_press_does_not_import_pytorch(tmp_path):
    """The first one keeps what it found; then a module that cannot be imported does no harm."""
    (tmp_path / "torch.py").write_text("raise ImportError('too slow')")
    env = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "_RECON_COMPLETE": "bash_complete",
        "COMP_WORDS": "recon run --harmonizer s",
        "COMP_CWORD": "3",
    }
    line = [sys.executable, "-c", "from recon.cli import main; main(prog_name='recon')"]
    for more in ({}, {"PYTHONPATH": str(tmp_path)}):
        done = subprocess.run(line, env=env | more, capture_output=True, text=True, check=True)
        assert done.stdout == "plain,spectral\n"


def test_what_is_kept_is_made_anew_when_plugins_change(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "spectral" in values("run", "--harmonizer", "")
    (first,) = (tmp_path / "recon").iterdir()
    values("run", "--harmonizer", "")
    assert [*(tmp_path / "recon").iterdir()] == [first]
    monkeypatch.setenv("RECON_DISABLED_PLUGINS", "microrecon")
    catalog.cache_clear()
    try:
        assert values("run", "--harmonizer", "") == []
    finally:
        catalog.cache_clear()
    (second,) = (tmp_path / "recon").iterdir()
    assert second != first


def test_weights_are_names_first_and_files_otherwise():
    assert values("run", "--weights", "") == ["electrode", "fibres", "porous"]
    assert completed("run", "--weights", "./mine") == [("./mine", "file")]


@pytest.mark.processes
def test_bash_itself_completes(tmp_path):
    """The printed script, sourced by a bash that finds the command on its PATH."""
    words = "COMP_WORDS=(recon run --harmonizer g); COMP_CWORD=3; COMPREPLY=()"
    script = f'eval "$(recon completion bash)"; {words}; _recon_completion recon; echo $COMPREPLY'
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [shutil.which("bash"), "-c", script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "gamma-blend\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_scripts_of_other_shells(recon, shell):
    assert "_RECON_COMPLETE" in recon("completion", shell).stdout
    assert "is not one of" in recon("completion", "tcsh", code=2).stderr
