"""Materials of the phases: from a TOML file, or bundled ones by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from recon.core.data.volume import Volume
from recon.core.storage.toml_file import read_toml
from recon.plugins.materials.material_file import (
    address,
    check_keys,
    check_labels,
    find_materials,
    list_phases,
    read_text,
)
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
        path = find_materials(name_or_path)
        return cls.from_table(read_toml(path, "materials"), str(name_or_path))

    @classmethod
    def from_table(cls, table: Mapping[str, Any], source: str = "materials") -> "Materials":
        """From the table of a TOML file."""
        where = address(source)
        check_keys(where, table)
        unit = read_text(where, table, "unit")
        phases = [_read_phase(where, *each) for each in list_phases(where, table)]
        return cls(unit, tuple(phases), source, table.get("note", ""))

    def check(self, volume: Volume) -> None:
        """Refuse a volume that holds a label without a phase here."""
        check_labels(volume, len(self.phases), self.source)

    def stiffness(self) -> Array:
        """(K, 6, 6) in global axes, zeros for void; as given where the axes follow the image."""
        return np.stack([_turn(p, rotate_stiffness, p.stiffness) for p in self.phases])

    def expansion(self) -> Array | None:
        """(K, 6) likewise, zeros for void; None when a phase that is not void lacks it."""
        expansions = []
        for phase in self.phases:
            alpha = np.zeros(6) if phase.void else phase.alpha
            if alpha is None:
                return None
            expansions.append(_turn(phase, rotate_expansion, alpha))
        return np.stack(expansions)


def _read_phase(where: str, called: str, entry: Mapping[str, Any]) -> Phase:
    """The elastic constants of a phase; its conductivity is for others to read."""
    constants = {key: value for key, value in entry.items() if key != "conductivity"}
    number = called.split()[1]
    return Phase(entry.get("name", number), *read_constants(f"{where}: {called}", constants))


def _turn(phase: Phase, rotate: Any, value: Array) -> Array:
    turned: Array = value if isinstance(phase.axes, str) else rotate(value, phase.axes)
    return turned
