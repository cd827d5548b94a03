"""Outputs that appear whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from recon.core.errors import ReconError


@contextlib.contextmanager
def whole(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """A path beside the given one to write to; renamed to it when the block ends well.

    An existing output is an error unless `replace` (files only). What a broken block left is
    removed. Raises ReconError when the place is taken, missing or not writable.
    """
    if path.exists() and not replace:
        raise ReconError(f"{path} exists already; choose another name or remove it first")
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(partial)  # of a process that was killed
        yield partial
        os.replace(partial, path)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        reason = error.strerror or str(error)
        raise ReconError(f"cannot write {path}: {reason}; choose another place") from error
    finally:
        remove(partial)


def remove(path: Path) -> None:
    """Remove a file or a folder if it is there and can be removed."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
