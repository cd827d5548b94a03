"""export(): a volume as files that other programs open, each by the exporter of its suffix."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from recon.core.catalog import Entry, catalog, choose_one
from recon.core.errors import ReconError, unknown
from recon.core.storage.atomic import atomic_outputs, check_free, check_writable

if TYPE_CHECKING:
    from recon.core.data.volume import Volume
    from recon.core.kinds import Exporter

Progress = Callable[[str, int, int], None]
"""Hears which output is written, steps done and steps in all."""


def export(
    volume: "Volume", *paths: str | Path, progress: Progress = lambda *_: None, **options: Any
) -> list[Path]:
    """Write each output in the format of its suffix; returns the files, in order.

    options  of all exporters that have them: unit="mm"; or of one exporter, as a table:
             inp={"equations": True}

    Everything is checked before anything is written. The files of one output (a header and its
    data, the surface of each phase) appear together or not at all. Raises ReconError when a file
    exists, two have one name, a folder is missing, no output has an option, or a format cannot
    hold the volume.
    """
    entries = [(Path(path), find_exporter(Path(path))) for path in paths]
    exporters = _build(entries, options)
    plans = [(path, exporter, exporter.list_outputs(volume, path)) for path, exporter in exporters]
    files = [file for _, _, outputs in plans for file in outputs]
    _check_places(files)
    for path, exporter, outputs in plans:
        with atomic_outputs(outputs) as folder:
            progress(str(path), 0, 1)
            reporting = attrs.evolve(exporter, report=partial(progress, str(path)))
            reporting.write(volume, folder / path.name)
            progress(str(path), 1, 1)
            _check_written(exporter, folder, outputs)
    return files


def find_exporter(path: Path) -> Entry:
    """The exporter that the suffix of an output names; ReconError for none or several."""
    offers = catalog().by_suffix("exporter", path)
    if not offers:
        known = f"{', '.join(_list_suffixes(_list_exporters()))}{catalog().not_loaded}"
        if not path.suffix:
            raise ReconError(
                f"output {path} must have a suffix that names its format; known: {known}"
            )
        raise ReconError(f"output {path}: unknown format {path.suffix!r}; known: {known}")
    return choose_one(offers, path.name)


def _build(
    entries: Sequence[tuple[Path, Entry]], options: Mapping[str, Any]
) -> "list[tuple[Path, Exporter]]":
    """The exporter of each output with the options that are its own."""
    tables = {key: table for key, table in options.items() if isinstance(table, Mapping)}
    shared = {key: value for key, value in options.items() if key not in tables}
    chosen = {entry.name for _, entry in entries}
    for name in tables:
        if name not in chosen:
            raise unknown("exporter among the outputs", name, chosen)
    for key in shared:
        if not any(key in _name_options(entry) for _, entry in entries):
            able = [entry for entry in _list_exporters() if key in _name_options(entry)]
            if not able:
                known = {name for entry in _list_exporters() for name in _name_options(entry)}
                raise unknown("option of exporters", key, known)
            raise ReconError(
                f"{key}= is for {', '.join(_list_suffixes(able))} only; no output is of that format"
            )
    exporters = []
    for path, entry in entries:
        own = {key: value for key, value in shared.items() if key in _name_options(entry)}
        own |= tables.get(entry.name, {})
        exporters.append((path, catalog().build("exporter", entry.name, **own)))
    return exporters


def _list_exporters() -> list[Entry]:
    return [entry for entry in catalog() if entry.kind == "exporter"]


def _name_options(entry: Entry) -> set[str]:
    return {option.name for option in entry.summary.options}


def _list_suffixes(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(suffix for entry in entries for suffix in entry.summary.suffixes))


def _check_places(files: Sequence[Path]) -> None:
    for file, times in Counter(Path(os.path.abspath(file)) for file in files).items():
        if times > 1:
            raise ReconError(f"two outputs are named {file}; give each its own name")
    check_free(*files)
    for file in files:
        if not file.parent.is_dir():
            raise ReconError(f"cannot write {file}: {file.parent} is no folder; make it first")
        check_writable(file)


def _check_written(exporter: "Exporter", folder: Path, outputs: Sequence[Path]) -> None:
    listed, written = {file.name for file in outputs}, {file.name for file in folder.iterdir()}
    if listed != written:
        raise ReconError(
            f"exporter {exporter.name} must write what it lists, {', '.join(sorted(listed))}, got "
            f"{', '.join(sorted(written)) or 'nothing'}; tell its author"
        )
