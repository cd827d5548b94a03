"""A lock that dies with its process, on Windows and elsewhere."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ATTEMPTS = 100
"""Times that what is to be held may go away under us: its holder renames or removes it."""


@contextlib.contextmanager
def exclusive_lock(path: Path, make: Callable[[], object], on_windows: Path) -> Iterator[None]:
    """Lock a file or folder for the block; BlockingIOError when another process has.

    make        makes it, unless it is there
    on_windows  the file that is held in its stead there: gone when its process ends

    Where a file system knows no locks, nothing is locked.
    """
    with contextlib.ExitStack() as stack:
        _hold(path, make, on_windows, stack)
        yield


if sys.platform == "win32":
    import msvcrt

    def _hold(
        path: Path, make: Callable[[], object], on_windows: Path, stack: contextlib.ExitStack
    ) -> None:
        """A file that Windows deletes when its process ends."""
        make()
        try:
            descriptor = os.open(on_windows, os.O_CREAT | os.O_RDWR | os.O_TEMPORARY)
            stack.callback(os.close, descriptor)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(str(error)) from error

else:
    import fcntl

    def _hold(
        path: Path, make: Callable[[], object], on_windows: Path, stack: contextlib.ExitStack
    ) -> None:
        """flock on the thing itself: no file, gone with the process."""
        for _ in range(ATTEMPTS):
            make()
            with contextlib.suppress(FileNotFoundError):
                descriptor = os.open(path, os.O_RDONLY)
                with contextlib.ExitStack() as opened:
                    opened.callback(os.close, descriptor)
                    _flock(descriptor)
                    if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                        stack.push(opened.pop_all())
                        return
        raise BlockingIOError(f"{path} comes and goes")

    def _flock(descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # a network's file system without locks
            return
