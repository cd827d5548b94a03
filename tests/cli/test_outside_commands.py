"""Commands of other packages: found by their hook, run as one's own, never in place of one."""

import pytest

from .test_completion import values

COMMAND = """
import click
from recon.core import ReconError, hookimpl

@click.command("{name}")
@click.option("--voxel-size", help="Length of a voxel.")
def command(voxel_size):
    '''Count voxels.'''
    if voxel_size:
        raise ReconError(f"voxel_size= must be a length, got {{voxel_size}}")
    click.echo("counted")

@hookimpl
def recon_commands():
    return [command]
"""


def test_a_command_runs_and_is_listed(recon, installed, monkeypatch, tmp_path):
    installed("recon-foo", COMMAND.format(name="count"))
    assert recon("count").stdout == "counted\n"
    text = " ".join(recon("--help").stdout.split())
    assert "Commands of other packages: count Count voxels." in text
    assert "--quiet" in recon("count", "--help").stdout
    assert "command\tcount\trecon-foo\t1.2\t" in recon("plugins").stdout
    assert recon("plugins", "count").stdout == recon("count", "--help").stdout
    assert "Did you mean 'count'?" in recon("cuont", code=2).stderr
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert values("co") == ["compare", "completion", "count"]
    assert values("count", "--vox") == ["--voxel-size"]


def test_its_errors_are_told_in_one_line_with_its_flags(recon, installed):
    installed("recon-foo", COMMAND.format(name="count"))
    error = recon("count", "--voxel-size", "3", code=2).stderr
    assert error == "Error: --voxel-size must be a length, got 3\n"


@pytest.mark.filterwarnings("default:command 'example'")
def test_a_bundled_command_wins_and_says_so(recon, installed):
    installed("recon-foo", COMMAND.format(name="example"))
    result = recon("example", "--list")
    assert result.stdout.split()[0] == "porous"
    assert result.stderr == (
        "warning: command 'example' of recon-foo is left out: recon has one of this name; ask its "
        "author to rename it\n"
    )
    assert "Commands of other packages" not in recon("--help").stdout


def test_two_packages_with_one_command_are_named(recon, installed):
    for package in ("recon-bar", "recon-foo"):
        installed(package, COMMAND.format(name="count"))
    assert recon("count", code=2).stderr == (
        "Error: two commands are named 'count': recon-bar and recon-foo; uninstall one or set "
        "RECON_DISABLED_PLUGINS\n"
    )
