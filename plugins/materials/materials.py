"""Materials of the phases: from a TOML file, or bundled ones by name."""

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from recon.core.data.volume import Volume
from recon.core.errors import ReconError, shown, unknown
from recon.core.storage.toml_file import read_toml
from recon.plugins.materials.phase_table import read_constants
from recon.plugins.materials.voigt import Array, rotate_expansion, rotate_stiffness


@attrs.frozen(eq=False)
class Phase:
    """Elastic constants of one phase.

    stiffness  (6, 6) in the local axes, Voigt; zeros: void
    alpha      (6,) thermal expansion in the local axes, engineering shears; None: not known
    axes       (3, 3) local axes 1, 2, 3 as rows in global x, y, z; or "structure-tensor": local
               axis 1 follows the direction of the phase in the image
    """

    name: str
    stiffness: Array
    alpha: Array | None = None
    axes: Array | str = attrs.field(factory=lambda: np.eye(3))

    @property
    def void(self) -> bool:
        """Whether it bears nothing."""
        return not self.stiffness.any()

    @property
    def follows_image(self) -> bool:
        """Whether its local axis 1 is to be taken from the image."""
        return isinstance(self.axes, str)


@attrs.frozen(eq=False)
class Materials:
    """Phases of the labels 0..K-1.

    unit    of the moduli
    source  file or name they come from
    note    what to know before trusting them; empty as a rule

    `lee-yun` is Table A1 of Lee & Yun 2023 as printed. Its oddities: the fibre expands 15 times
    more along its axis (18e-6) than across (1.2e-6), the reverse of carbon; the matrix is as
    stiff as the fibre (225 GPa) and hardly expands (0.164e-6), unlike any polymer; G23 5.03 is
    not E2 / (2 (1 + nu23)) = 6, so that the fibre is not quite transversely isotropic.
    """

    unit: str
    phases: tuple[Phase, ...]
    source: str = "materials"
    note: str = ""

    @classmethod
    def load(cls, name_or_path: str | Path) -> "Materials":
        """Read a TOML file, or bundled materials by name; ReconError says what is wrong in it."""
        path = _find_file(name_or_path)
        return cls.from_table(read_toml(path, "materials"), str(name_or_path))

    @classmethod
    def from_table(cls, table: Mapping[str, Any], source: str = "materials") -> "Materials":
        """From the table of a TOML file."""
        where = "materials" if source == "materials" else f"materials {source}"
        for key in table:
            if key not in KEYS:
                raise ReconError(f"{where}: unknown key {shown(key)}; allowed: {', '.join(KEYS)}")
        unit, note = table.get("unit"), table.get("note", "")
        if not isinstance(unit, str) or not unit:
            raise ReconError(f'{where}: unit must be a text such as "GPa", got {unit!r}')
        if not isinstance(note, str):
            raise ReconError(f"{where}: note must be a text, got {shown(note)}")
        given = table.get("phase")
        if not isinstance(given, list) or not given:
            raise ReconError(f"{where}: at least one [[phase]] is needed, one per label, got none")
        phases = (_read_phase(where, number, entry) for number, entry in enumerate(given))
        return cls(unit, tuple(phases), source, note)

    def check(self, volume: Volume) -> None:
        """Refuse a volume that holds a label without a phase here."""
        counts = np.bincount(volume.labels.ravel())
        last = len(self.phases) - 1
        for label in np.flatnonzero(counts[last + 1 :]) + last + 1:
            name = volume.phases[label]
            called = "" if name == str(label) else f" ({name})"
            raise ReconError(
                f"materials {self.source} must have a [[phase]] for every label of the volume, got "
                f"labels 0..{last} and none for label {label}{called}; add it to the file"
            )

    def stiffness(self) -> Array:
        """(K, 6, 6) in global axes, zeros for void; as given where the axes follow the image."""
        return np.stack([_turn(p, rotate_stiffness, p.stiffness) for p in self.phases])

    def expansion(self) -> Array | None:
        """(K, 6) likewise, zeros for void; None when a phase that is not void lacks it."""
        found = []
        for phase in self.phases:
            alpha = np.zeros(6) if phase.void else phase.alpha
            if alpha is None:
                return None
            found.append(_turn(phase, rotate_expansion, alpha))
        return np.stack(found)


KEYS = ("unit", "note", "phase")


def list_bundled_materials() -> dict[str, Path]:
    """Name -> file of the materials that are shipped."""
    folder = resources.files("recon.plugins.materials") / "bundled"
    found = [Path(str(file)) for file in folder.iterdir() if file.name.endswith(".toml")]
    return {file.stem: file for file in sorted(found)}


def _find_file(given: str | Path) -> Path:
    known = list_bundled_materials()
    if str(given) in known:
        return known[str(given)]
    path = Path(given)
    if os.path.exists(path) or path.suffix or len(path.parts) > 1:
        return path
    raise unknown("materials", str(given), known)


def _read_phase(where: str, number: int, entry: Any) -> Phase:
    if not isinstance(entry, Mapping):
        raise ReconError(f"{where}: phase {number} must be a table [[phase]], got {shown(entry)}")
    name = entry.get("name", str(number))
    if not isinstance(name, str):
        raise ReconError(f"{where}: phase {number}: name must be a text, got {shown(name)}")
    called = f"phase {number}" if name == str(number) else f"phase {number} ({name})"
    return Phase(name, *read_constants(f"{where}: {called}", entry))


def _turn(phase: Phase, rotate: Any, value: Array) -> Array:
    turned: Array = value if isinstance(phase.axes, str) else rotate(value, phase.axes)
    return turned
