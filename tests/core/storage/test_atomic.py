"""Outputs appear whole or not at all, whoever writes beside."""

import os

import pytest

from recon.core import ReconError
from recon.core.storage.atomic import atomic_output, atomic_outputs
from recon.workflow.folder import GONE, Folder


def test_an_output_appears_when_its_block_ends_well(tmp_path):
    path = tmp_path / "new" / "out.txt"
    with atomic_output(path) as partial:
        partial.write_text("all of it")
        assert not path.exists()
    assert path.read_text() == "all of it"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("folder", [False, True])
def test_a_broken_block_leaves_nothing(tmp_path, folder):
    with (
        pytest.raises(ZeroDivisionError),
        atomic_output(tmp_path / "out", folder=folder) as partial,
    ):
        (partial / "inner" if folder else partial).write_text("half")
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", [False, True])
def test_another_writer_is_refused_and_disturbs_nothing(tmp_path, folder):
    path = tmp_path / "out"
    with atomic_output(path, folder=folder) as partial:
        (partial / "inner" if folder else partial).write_text("first")
        with pytest.raises(ReconError, match="written by another process"), atomic_output(path):
            raise AssertionError("entered")
    assert (path / "inner" if folder else path).read_text() == "first"


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("stale_folder", [False, True])
def test_what_a_killed_process_left_is_taken_away(tmp_path, folder, stale_folder):
    stale = tmp_path / ".out.partial"
    if stale_folder:
        stale.mkdir()
        (stale / "stale").write_text("half")
    else:
        stale.write_text("half")
    with atomic_output(tmp_path / "out", folder=folder) as partial:
        assert partial.is_dir() == folder
        assert not (list(partial.iterdir()) if folder else partial.read_text())
    assert [child.name for child in tmp_path.iterdir()] == ["out"]


def test_what_was_killed_after_its_output_stood_is_taken_away_by_the_next_that_asks(tmp_path):
    path = tmp_path / "v.inp"
    path.write_text("whole")
    (tmp_path / ".v.inp.partial").mkdir()
    with pytest.raises(ReconError, match="exists already"), atomic_outputs([path]):
        raise AssertionError("entered")
    assert [child.name for child in tmp_path.iterdir()] == ["v.inp"]
    assert path.read_text() == "whole"


def test_what_stands_is_not_replaced_unasked(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    with pytest.raises(ReconError, match="exists already"), atomic_output(path):
        raise AssertionError("entered")
    with atomic_output(path, replace=True) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"


def test_a_place_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    path, expected = tmp_path / "file" / "out", "^cannot write .*; choose another place$"
    with pytest.raises(ReconError, match=expected), atomic_output(path):
        raise AssertionError("entered")


def test_the_end_of_a_run_that_was_killed_is_still_an_end(tmp_path):
    folder = Folder(tmp_path)
    (tmp_path / "measurements.json").write_text("{}")
    (tmp_path / GONE).mkdir()
    (tmp_path / GONE / "field").write_text("half removed")
    assert folder.finished
    with folder.lock():
        assert os.listdir(tmp_path) == ["measurements.json"]


def test_a_folder_is_of_one_run_and_goes_again_when_empty(tmp_path):
    folder = Folder(tmp_path / "out")
    with folder.lock():
        other = Folder(tmp_path / "out")
        with pytest.raises(ReconError, match="in use by another run"), other.lock():
            raise AssertionError("entered")
        assert folder.path.is_dir()
    assert not folder.path.exists()
