"""The TOML file of materials: where it lies and which phases it lists, whatever is said of them."""

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.errors import ReconError, shown, unknown

if TYPE_CHECKING:
    from recon.core.data.volume import Volume

KEYS = ("unit", "note", "conductivity_unit", "phase")


def list_bundled_materials() -> dict[str, Path]:
    """Name -> file of the materials that are shipped."""
    folder = resources.files("recon.plugins.materials") / "bundled"
    files = [Path(str(file)) for file in folder.iterdir() if file.name.endswith(".toml")]
    return {file.stem: file for file in sorted(files)}


def find_materials(given: str | Path) -> Path:
    """The file of bundled materials by name, or a path as it is."""
    known = list_bundled_materials()
    if str(given) in known:
        return known[str(given)]
    path = Path(given)
    if os.path.exists(path) or path.suffix or len(path.parts) > 1:
        return path
    raise unknown("materials", str(given), known)


def read_text(where: str, table: Mapping[str, Any], key: str) -> str:
    """A unit of the file."""
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise ReconError(f'{where}: {key} must be a text such as "GPa", got {value!r}')
    return value


def address(source: str) -> str:
    """What messages about a file begin with."""
    return "materials" if source == "materials" else f"materials {source}"


def check_keys(where: str, table: Mapping[str, Any]) -> None:
    """Refuse a file that says something else."""
    for key in table:
        if key not in KEYS:
            raise ReconError(f"{where}: unknown key {shown(key)}; allowed: {', '.join(KEYS)}")
    if not isinstance(table.get("note", ""), str):
        raise ReconError(f"{where}: note must be a text, got {shown(table['note'])}")


def list_phases(where: str, table: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """What messages call each phase of a file, and its table."""
    given = table.get("phase")
    if not isinstance(given, list) or not given:
        raise ReconError(f"{where}: at least one [[phase]] is needed, one per label, got none")
    phases = []
    for number, entry in enumerate(given):
        if not isinstance(entry, Mapping):
            raise ReconError(
                f"{where}: phase {number} must be a table [[phase]], got {shown(entry)}"
            )
        name = entry.get("name", str(number))
        if not isinstance(name, str):
            raise ReconError(f"{where}: phase {number}: name must be a text, got {shown(name)}")
        called = f"phase {number}" if name == str(number) else f"phase {number} ({name})"
        phases.append((called, entry))
    return phases


def check_labels(volume: "Volume", count: int, source: str) -> None:
    """Refuse a volume that holds a label beyond the phases 0..count - 1 of a file."""
    last = count - 1
    counts = np.bincount(volume.labels.ravel())
    for label in np.flatnonzero(counts[last + 1 :]) + last + 1:
        name = volume.phases[label]
        called = "" if name == str(label) else f" ({name})"
        raise ReconError(
            f"materials {source} must have a [[phase]] for every label of the volume, got "
            f"labels 0..{last} and none for label {label}{called}; add it to the file"
        )
