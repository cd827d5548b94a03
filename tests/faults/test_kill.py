"""SIGKILL at random moments and between changes of folders: as if nothing had happened."""

import pytest
from kill import kill
from scenarios import inputs

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    return inputs(tmp_path_factory.mktemp("inputs"))


@pytest.mark.parametrize(
    ("name", "kills"),
    [("import", 4), ("export", 4), ("measure", 2), ("train", 4), ("run", 4)],
)
def test_a_killed_command_ends_as_if_it_had_not_been(name, kills, given, tmp_path):
    tally = kill(name, kills, 1, given, tmp_path)
    assert tally.kills == kills
    assert not tally.faults


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kills"),
    [
        ("run that trains", 12),
        ("run with weights", 12),
        ("run in slabs", 12),
        ("sweep", 12),
        ("run on Dask", 6),
    ],
)
def test_longer_commands_too(name, kills, given, tmp_path):
    tally = kill(name, kills, 2, given, tmp_path)
    assert tally.kills == kills and tally.halfway
    assert not tally.faults
