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
        click.Option(["--crop"], multiple=True),
        click.Option(["--shape"], nargs=3, type=int),
        click.Option(["--thresholds"]),
    ],
)
SET = click.Command("y", params=[click.Option(["--set", "settings"], multiple=True)])


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("voxel_size= must be > 0", "--voxel-size must be > 0"),
        ("give memory=8GB or less", "give --memory 8GB or less"),
        ("take isotropic=True there", "take --isotropic there"),
        ("other= is unknown here", "other= is unknown here"),
        ("set denoiser.memory=3", "set denoiser.memory=3"),
        ("folder/memory=3", "folder/memory=3"),
        ("take memory=1GB.", "take --memory 1GB."),
        ("take shape=(64, 64, 32), or less", "take --shape 64 64 32, or less"),
        ("thresholds=(87, 140) leave none", "--thresholds 87,140 leave none"),
        ('crop={"xy": "0,64,0,0", "xz": (0, 8, 0, 0)}', "--crop xy=0,64,0,0 --crop xz=0,8,0,0"),
        ("crop=(0, 64, 0, 0) removes it", "--crop 0,64,0,0 removes it"),
        ('crop=["a b", "c"]', '--crop "a b" --crop c'),
        ("got 'memory=3'", "got 'memory=3'"),
        ("give thresholds=(A, B), or", "give --thresholds A,B, or"),
        ("crop={} is nothing", "--crop is nothing"),
    ],
)
def test_what_the_command_has_as_a_flag_is_told_as_one(message, told):
    assert name_flags(message, COMMAND) == told


def test_options_of_plugins_are_told_as_settings_where_they_can_be_given():
    message = "lower harmonizer.rounds=2, or --set denoiser.side=3; not in 'a.b=1'"
    assert name_flags(message, SET) == (
        "lower --set harmonizer.rounds=2, or --set denoiser.side=3; not in 'a.b=1'"
    )
    assert name_flags(message, COMMAND) == message
