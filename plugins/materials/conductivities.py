"""Conductivity of each phase, from the same TOML file that may hold elastic constants."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from recon.core.errors import ReconError, shown
from recon.core.storage.toml_file import read_toml
from recon.plugins.materials.material_file import (
    address,
    check_keys,
    check_labels,
    find_materials,
    list_phases,
    read_text,
)
from recon.plugins.materials.phase_table import check_number, check_numbers
from recon.plugins.materials.voigt import Array

if TYPE_CHECKING:
    from recon.core.data.volume import Volume

SYMMETRY = 1e-4
"""Largest difference of k_ij and k_ji, relative to the largest entry; they are averaged."""


@attrs.frozen(eq=False)
class Conductivities:
    """Thermal, electrical or ionic conductivity of the labels 0..K-1.

    unit     of all of them, "" when not given
    tensors  (K, 3, 3) in global x, y, z; zeros: an insulator
    """

    unit: str
    tensors: Array
    source: str = "materials"

    @classmethod
    def load(cls, name_or_path: str | Path) -> "Conductivities":
        """Read a TOML file, or bundled materials by name; ReconError says what is wrong in it."""
        path = find_materials(name_or_path)
        return cls.from_table(read_toml(path, "materials"), str(name_or_path))

    @classmethod
    def from_table(cls, table: Mapping[str, Any], source: str = "materials") -> "Conductivities":
        """From the table of a TOML file.

        The unit is `conductivity_unit`; in a file without elastic constants `unit` will do.
        """
        where = address(source)
        check_keys(where, table)
        phases = list_phases(where, table)
        tensors = [_read(f"{where}: {called}", entry) for called, entry in phases]
        if "conductivity_unit" in table:
            unit = read_text(where, table, "conductivity_unit")
        else:
            elastic = any(set(entry) - {"name", "conductivity"} for _, entry in phases)
            unit = "" if elastic or "unit" not in table else read_text(where, table, "unit")
        return cls(unit, np.stack(tensors), source)

    def check(self, volume: "Volume") -> None:
        """Refuse a volume that holds a label without a phase here."""
        check_labels(volume, len(self.tensors), self.source)


def _read(where: str, entry: Mapping[str, Any]) -> Array:
    """A number >= 0, or a symmetric matrix without negative eigenvalues."""
    if "conductivity" not in entry:
        raise ReconError(
            f"{where} must have a conductivity, got {', '.join(entry) or 'nothing'}; "
            "add conductivity = a number, or 3 rows of 3 numbers; 0 insulates"
        )
    value = entry["conductivity"]
    if not isinstance(value, list):
        number = check_number(where, "conductivity", value)
        if number < 0:
            raise ReconError(f"{where}: conductivity must be >= 0, got {number:g}")
        return number * np.eye(3)
    if len(value) != 3:
        raise ReconError(
            f"{where}: conductivity must be a number or 3 rows of 3 numbers, got {shown(value)}"
        )
    rows = [
        check_numbers(where, f"row {i + 1} of conductivity", row, 3) for i, row in enumerate(value)
    ]
    k, largest = np.stack(rows), np.abs(rows).max()
    if np.abs(k - k.T).max() > SYMMETRY * largest:
        raise ReconError(f"{where}: conductivity must be symmetric, got {shown(value)}")
    k = (k + k.T) / 2
    least = np.linalg.eigvalsh(k)[0]
    if least < -1e-9 * largest:
        raise ReconError(f"{where}: conductivity must have no negative eigenvalue, got {least:.4g}")
    return k
