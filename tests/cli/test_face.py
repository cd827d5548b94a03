"""What every command has: --quiet, help that tells defaults, progress."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from recon.cli import COMMANDS, main
from recon.core import Recipe
from recon.core.errors import ReconError
from recon.workflow.progress import ProgressDisplay, format_duration

FINISHED = ("run", "--out", "finished", "--resume")


@pytest.fixture
def finished(recon):
    """A folder of a run that has nothing left to do but to say so."""
    Path("finished").mkdir()
    Path("finished/measurements.json").touch()
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


def test_plain_lines_tell_time_left_and_time_taken(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 4.0, 5.0, 40.0, 100.0, 101.0])
    monkeypatch.setattr("recon.workflow.progress.time.monotonic", lambda: next(clock))
    with ProgressDisplay() as progress:
        for done in (0, 1, 4, 5):  # at 1 s too early, at 5 s too soon after the line before
            progress("grow", done, 10)
        progress("grow", 10, 10, "good")
        progress("short", 0, 1)
        progress("short", 1, 1)
    assert capsys.readouterr().err == "grow: 4/10, 6 s left\ngrow: done in 40 s, good\n"


def test_a_plain_line_says_once_that_a_part_is_done(monkeypatch, capsys):
    clock = iter([0.0, 9.0, 10.0, 20.0, 23.0])
    monkeypatch.setattr("recon.workflow.progress.time.monotonic", lambda: next(clock))
    with ProgressDisplay() as progress:
        for done in (0, 1, 1):
            progress("prepare", done, 1)
        for done in (0, 1):
            progress("prepare", done, 1)
    assert capsys.readouterr().err == "prepare: done in 9 s\nprepare: done in 3 s\n"


def test_durations_are_spoken():
    assert [format_duration(s) for s in (3.2, 99, 100, 5400, 12000)] == [
        "3 s", "99 s", "2 min", "90 min", "3 h 20 min"
    ]  # fmt: skip
