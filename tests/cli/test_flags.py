"""Options of Python in messages, told as flags."""

import click
import pytest

from recon.cli.flags import name_flags

COMMAND = click.Command(
    "x",
    params=[
        click.Option(["--voxel-size"]),
        click.Option(["--memory"]),
        click.Option(["--isotropic", "same"], is_flag=True),
    ],
)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("voxel_size= must be > 0", "--voxel-size must be > 0"),
        ("give memory=8GB or less", "give --memory 8GB or less"),
        ("take isotropic=True there", "take --isotropic there"),
        ("shape= is unknown here", "shape= is unknown here"),
        ("set denoiser.memory=3", "set denoiser.memory=3"),
        ("folder/memory=3", "folder/memory=3"),
    ],
)
def test_what_the_command_has_as_a_flag_is_told_as_one(message, told):
    assert name_flags(message, COMMAND) == told
