"""plugins, example, help: what a new user types first."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from recon.cli import COMMANDS, main
from recon.core import Micrographs, Volume
from recon.core.bundled import list_bundled


def test_help_lines_are_those_of_the_commands(recon):
    text = recon("--help").stdout
    for name, (_, help) in COMMANDS.items():
        assert name in text
        command = main.get_command(None, name)
        assert inspect.cleandoc(command.help).splitlines()[0] == help
        assert "Usage" in recon(name, "--help").stdout


def test_an_unknown_command_is_an_error(recon):
    assert "No such command" in recon("rnu", code=2).stderr


def test_plugins_lists_lines_and_describes_one(recon):
    rows = [line.split("\t") for line in recon("plugins").stdout.splitlines()]
    assert all(len(row) == 5 for row in rows)
    (blend,) = (row for row in rows if row[1] == "gamma-blend")
    assert blend[0] == "harmonizer" and "rounds=4" in blend[4] and "gamma=0.5" in blend[4]
    text = recon("plugins", "gamma-blend").stdout
    assert "gamma = 0.5  (float, in [0, 1])" in text and "Share of the renoised volume" in text
    assert (
        "unknown plugin 'gamma-blnd'; did you mean" in recon("plugins", "gamma-blnd", code=2).stderr
    )


@pytest.mark.parametrize("words", ["conductivity", "tortuosity", "Formation  factor"])
def test_plugins_by_words_of_their_description(recon, words):
    stdout = recon("plugins", words).stdout
    assert "property conductivity" in stdout and "property diffusivity: Relative" in stdout


@pytest.mark.slow
def test_example_list_and_files(recon):
    names = recon("example", "--list").stdout.split()
    assert names[0] == "porous" and {"fibres", "electrode"} <= set(names)
    recon("example", "porous", "--out", "made")
    volume = Volume.open("made/volume.zarr")
    images = Micrographs.open("made/micrographs.zarr")
    assert min(volume.shape) >= 160 and set(images.planes) == {"xy", "xz", "yz"}
    lower = volume.labels[: volume.shape[0] // 2]
    assert all(any(np.array_equal(i, s) for s in lower) for i in images.planes["xy"])
    assert "made exists already" in recon("example", "porous", "--out", "made", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("porouss", "--out", "x"), "unknown example 'porouss'; did you mean 'porous'?"),
        (("porous",), "recon example needs a NAME and --out DIR"),
        ((), "recon example needs a NAME and --out DIR"),
    ],
)
def test_example_refuses_in_one_line(recon, arguments, message):
    assert message in recon("example", *arguments, code=2).stderr
    assert not list(Path().iterdir())


def test_every_example_has_bundled_weights():
    from recon.workflow.examples import EXAMPLES

    files = list_bundled("unet-ddpm")
    assert set(EXAMPLES) <= set(files)
    assert all(file.stat().st_size < 8e6 for file in files.values())
