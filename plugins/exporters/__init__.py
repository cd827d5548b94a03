"""Volumes as files that other programs open: one format a file, all of them listed here."""

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.storage.atomic import atomic_output, check_writable
from recon.plugins.exporters.abaqus import Abaqus
from recon.plugins.exporters.dream3d import Dream3D
from recon.plugins.exporters.format import Format, Progress
from recon.plugins.exporters.npy import Npy
from recon.plugins.exporters.raw import Raw
from recon.plugins.exporters.surface import Ply, Stl
from recon.plugins.exporters.tiff import Tiff
from recon.plugins.exporters.vti import Vti

FORMATS: dict[str, type[Format]] = {
    "tif": Tiff,
    "vti": Vti,
    "npy": Npy,
    "inp": Abaqus,
    "raw": Raw,
    "h5": Dream3D,
    "stl": Stl,
    "ply": Ply,
}
"""Suffix -> the class whose fields are the options of the format."""


def export(
    volume: Volume, outputs: Sequence[tuple[Path, Format]], progress: Progress = lambda *_: None
) -> list[Path]:
    """Write each output in its format and return the files, in order.

    Everything is checked before anything is written. The files of one output (a header and its
    data, the surface of each phase) appear together or not at all. Raises ReconError when a file
    exists, two have one name, a folder is missing, or the format cannot hold the volume.
    """
    plans = [format.files(path, volume) for path, format in outputs]
    files = [file for plan in plans for file in plan]
    _check(files)
    for plan in plans:
        with ExitStack() as stack:
            for file, write in plan.items():
                write(stack.enter_context(atomic_output(file)), progress)
    return files


def format_of(path: Path) -> type[Format]:
    """The format that the suffix names; ReconError lists the known ones."""
    suffix = path.suffix.lower().removeprefix(".")
    if not suffix:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise ReconError(f"output {path} must have a suffix that names its format: {known}")
    if suffix not in FORMATS:
        raise ReconError(f"output {path}: unknown format {suffix!r}; known: {', '.join(FORMATS)}")
    return FORMATS[suffix]


def _check(files: Sequence[Path]) -> None:
    for file, times in Counter(Path(os.path.abspath(file)) for file in files).items():
        if times > 1:
            raise ReconError(f"two outputs are named {file}; give each its own name")
    for file in files:
        if file.exists():
            raise ReconError(f"{file} exists already; choose another name or remove it first")
        if not file.parent.is_dir():
            raise ReconError(f"cannot write {file}: {file.parent} is no folder; make it first")
        check_writable(file)
