"""Outputs that appear whole or not at all."""

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from recon.core.errors import ReconError
from recon.core.storage.lock import exclusive_lock

REMEDIES = {
    errno.ENOSPC: "make room there or choose another place",
    errno.EDQUOT: "make room there or choose another place",
    errno.EFBIG: "allow larger files (ulimit -f) or choose another place",
}


@contextlib.contextmanager
def atomic_output(path: Path, *, replace: bool = False, folder: bool = False) -> Iterator[Path]:
    """An empty file beside the given one to write to; renamed to it when the block ends well.

    replace  an existing output is replaced (files only); else it is an error
    folder   the output is a folder, and so is what is written to

    What is renamed is on the disk before: a power cut leaves the old or the new. What a broken
    block left is removed; what a killed process left, the next one removes. Raises ReconError when
    the place is taken, missing or not writable, or when another process is writing there.
    """
    if replace and path.exists() and not path.is_file():
        raise ReconError(f"cannot write {path}: there is no regular file; choose another name")
    with _open_partial(path, [] if replace else [path], folder) as partial:
        yield partial
        _store(partial)
        os.replace(partial, path)
    _store_entry(path)


@contextlib.contextmanager
def atomic_outputs(files: Sequence[Path]) -> Iterator[Path]:
    """An empty folder for files of one folder, under their names: they appear when the block ends.

    All of them or, when something fails, none; else as `atomic_output`.
    """
    moved: list[Path] = []
    with _open_partial(files[0], files, folder=True) as partial:
        yield partial
        _store(partial)
        try:
            for file in files:
                os.rename(partial / file.name, file)
                moved.append(file)
        except BaseException:
            for file in moved:
                remove(file)
            raise
        remove(partial)
    _store_entry(files[0])


@contextlib.contextmanager
def _open_partial(path: Path, free: Sequence[Path], folder: bool) -> Iterator[Path]:
    """What is written in place of a path, empty and locked; removed when the block fails.

    free  what may not be there, before and after it is locked
    """
    check_free(*free)
    partial, beside = _name_partial(path)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_explain_errors(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        make = (lambda: partial.mkdir(exist_ok=True)) if folder else partial.touch
        try:
            if partial.exists() and partial.is_dir() != folder:
                with exclusive_lock(partial, lambda: None, beside):
                    remove(partial)
            stack.enter_context(exclusive_lock(partial, make, beside))
        except BlockingIOError:
            message = f"{path} is being written by another process; wait or choose another name"
            raise ReconError(message) from None
        try:
            check_free(*free)  # once more: another process may just have ended
            _empty(partial)
            yield partial
        except BaseException:
            remove(partial)
            raise


def check_writable(path: Path) -> None:
    """ReconError when nothing can be written there: found out before there is work to lose."""
    place = next(parent for parent in path.absolute().parents if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise ReconError(f"cannot write {path}: {place} is not writable; choose another place")


def check_free(*paths: Path) -> None:
    """ReconError when a place is taken; what killed processes left beside those is removed."""
    for path in (taken := [path for path in paths if path.exists()]):
        partial, beside = _name_partial(path)
        with contextlib.suppress(OSError), exclusive_lock(partial, lambda: None, beside):
            remove(partial)
    if taken:
        raise ReconError(f"{taken[0]} exists already; choose another name or remove it first")


def remove(path: Path) -> None:
    """Remove a file or a folder if it is there and can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _name_partial(path: Path) -> tuple[Path, Path]:
    """What is written in place of a path, and the file that is locked for it on Windows."""
    return path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.lock")


@contextlib.contextmanager
def _explain_errors(path: Path) -> Iterator[None]:
    """The system's errors in words."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        reason = error.strerror or str(error)
        remedy = REMEDIES.get(error.errno or 0, "choose another place")
        raise ReconError(f"cannot write {path}: {reason}; {remedy}") from error


def _empty(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            remove(child)
    else:
        os.truncate(path, 0)


def _store(path: Path) -> None:
    """Wait until a file, or all of a folder, is on the disk."""
    for each in (path, *path.rglob("*")):
        _sync(each)


def _store_entry(path: Path) -> None:
    """Wait until the folder knows of the new name, where a folder can be waited for."""
    with contextlib.suppress(OSError):  # the output is there and whole in any case
        _sync(path.parent)


def _sync(path: Path) -> None:
    windows = sys.platform == "win32"
    if windows and not path.is_file():  # it opens no folders
        return
    descriptor = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
