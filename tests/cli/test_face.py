"""What every command has: --quiet, help that tells defaults, completion; and recon doctor."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from recon.cli import COMMANDS, machine, main
from recon.cli.doctor import examined, outcome, to_text
from recon.cli.progress import Shown, spoken
from recon.core import Recipe, catalog
from recon.core.errors import ReconError

FINISHED = ("run", "--out", "finished", "--resume")


@pytest.fixture
def finished(recon):
    """A folder of a run that has nothing left to do but to say so."""
    Path("finished").mkdir()
    Path("finished/report.html").touch()
    assert recon(*FINISHED).stderr == "finished is finished\n"


@pytest.mark.parametrize("words", [("-q", *FINISHED), (*FINISHED, "--quiet")])
def test_quiet_holds_for_one_command(recon, finished, words):
    assert recon(*words).stderr == ""
    assert recon(*FINISHED).stderr


def test_quiet_keeps_results(recon):
    assert recon("-q", "example", "--list").stdout.split()[0] == "porous"


def test_quiet_comes_from_the_environment_too(recon, finished, monkeypatch):
    monkeypatch.setenv("RECON_QUIET", "1")
    assert recon(*FINISHED).stderr == ""


@pytest.mark.parametrize("bad", [("--steps", 0), ("--steps", "x"), ("--nope",)])
@pytest.mark.parametrize("before", [True, False])
def test_quiet_keeps_errors(recon, bad, before):
    result = recon("-q", "run", *bad, code=2) if before else recon("run", "-q", *bad, code=2)
    assert result.stderr.startswith("Error: ") and bad[0].strip("-") in result.stderr


def test_an_unknown_command_gets_a_suggestion(recon):
    assert "Did you mean 'run'?" in recon("rnu", code=2).stderr


def test_a_broken_library_is_told_in_one_line(tmp_path):
    (tmp_path / "torch.py").write_text("raise OSError('libtorch.so: not a shared library')")
    done = subprocess.run(
        [sys.executable, "-m", "recon.cli", "doctor"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1 and "does not load: libtorch.so" in line


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_one_sentence_for_every_flag(name):
    command = main.get_command(None, name)
    root = main.make_context("recon", ["plugins"])
    context = click.Context(command, parent=root, info_name=name)
    for param in command.params:
        if not isinstance(param, click.Option):
            continue
        assert param.help, f"{name} {param.opts[0]} must have a help text"
        sentence = param.help.partition("  [")[0]
        assert sentence.endswith("."), (name, param.opts, sentence)
        assert param.get_help_record(context)[1].count("[default") <= 1
    context.terminal_width = 80
    lines = command.get_help(context).splitlines()
    assert max(map(len, lines)) <= 80


def test_the_stated_defaults_are_those_of_a_recipe(recon):
    text = " ".join(recon("run", "--help").stdout.split())
    default = Recipe()
    for said in (
        f"[default: {default.denoiser.name}]",
        f"[default: {default.schedule.name}]",
        f"[default: {default.harmonizer.name}]",
        f"[default: {default.steps}; 1<=N<=1000]",
        f"[default: {default.samples}; N>=1]",
        f"[default: {default.seed}; N>=0]",
        f"[default: {default.device}]",
        "[default: 64 64 64;",
    ):
        assert said in text
    for steps in (0, 1001):
        with pytest.raises(ReconError, match=r"\[1, 1000\]"):
            Recipe(steps=steps)


def completed(*words):
    """What pressing tab after the words offers."""
    env = {
        "_RECON_COMPLETE": "zsh_complete",
        "COMP_WORDS": " ".join(("recon", *words)),
        "COMP_CWORD": str(len(words)),
    }
    lines = CliRunner().invoke(main, [], prog_name="recon", env=env).stdout.splitlines()
    return list(zip(lines[1::3], lines[::3], strict=True))  # zsh: kind, value, help


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
    assert values("measure", "v.zarr", "--property", "d") == ["diffusivity"]
    assert values("measure", "v.zarr", "--materials", "g") == ["glass-epoxy"]
    assert values("example", "") == ["porous", "fibres", "electrode"]
    assert values("plugins", "lin") == ["lineal-path"]
    assert {"cpu", "cuda"} < set(values("run", "--device", ""))


def test_weights_are_names_first_and_files_otherwise():
    assert values("run", "--weights", "") == ["electrode", "fibres", "porous"]
    assert values("run", "--denoiser", "gaussian", "--weights", "") == [""]
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


@pytest.mark.filterwarnings("ignore:plugin recon-odd")
def test_doctor_tells_what_is_there_and_what_is_broken(recon, tmp_path, monkeypatch):
    found = json.loads(recon("doctor", "--json").stdout)
    assert found["broken"] == [] and set(found["tests"].values()) == {"ok"}
    assert found["versions"]["microrecon"] == catalog().entry("metric", "two-point").version
    assert "metric two-point" in found["plugins"]["microrecon"]["plugins"]
    assert found["machine"]["processors"] >= 1
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
    assert {requirement.partition(">")[0] for requirement in extra} <= set(machine.OPTIONAL)


def test_doctor_tells_a_test_that_fails(monkeypatch):
    def fails(device):
        raise OSError("disk\nis gone")

    assert outcome(fails, "cpu") == "OSError: disk is gone"
    monkeypatch.setattr("recon.cli.doctor.TESTS", {"files": fails})
    found = examined()
    assert found["broken"] == ["files: OSError: disk is gone"]
    assert "  files: OSError: disk is gone" in to_text(found)


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
    (line,) = machine.oddities(WELL | machine_facts, CARD | device_facts)
    assert message in line and (";" in line or "so every" in line)


def test_a_sound_machine_has_no_oddities():
    assert list(machine.oddities(WELL, CARD)) == []


def test_plain_lines_tell_time_left_and_time_taken(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 4.0, 5.0, 40.0, 100.0, 101.0])
    monkeypatch.setattr("recon.cli.progress.time.monotonic", lambda: next(clock))
    with Shown() as progress:
        for done in (0, 1, 4, 5):  # at 1 s too early, at 5 s too soon after the line before
            progress("grow", done, 10)
        progress("grow", 10, 10, "good")
        progress("short", 0, 1)
        progress("short", 1, 1)
    assert capsys.readouterr().err == "grow: 4/10, 6 s left\ngrow: done in 40 s, good\n"


def test_durations_are_spoken():
    assert [spoken(s) for s in (3.2, 99, 100, 5400, 12000)] == [
        "3 s", "99 s", "2 min", "90 min", "3 h 20 min"
    ]  # fmt: skip
