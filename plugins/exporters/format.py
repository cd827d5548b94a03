"""What a file format is, and what several of them share."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import attrs

from recon.core.data.volume import Volume
from recon.core.errors import ReconError, unknown

Progress = Callable[[str, int, int], None]
"""Is told what is being done, steps done and steps in all."""

Writer = Callable[[Path, Progress], None]
"""Writes one file at the given place."""

METRES = {"m": 1.0, "mm": 1e-3, "um": 1e-6, "nm": 1e-9}
"""Unit of length of a file -> metres."""


@attrs.frozen
class Format(ABC):
    """One file format; the fields are its options."""

    about: ClassVar[str]

    @abstractmethod
    def files(self, path: Path, volume: Volume) -> Mapping[Path, Writer]:
        """The files of one output and what writes each; ReconError when it cannot be written.

        Nothing is written before a Writer is called, and all checks are made before.
        """


def lengths(volume: Volume, unit: str) -> tuple[float, float, float]:
    """Edges of a voxel along (x, y, z) in a unit of length."""
    if unit not in METRES:
        raise unknown("unit of length", unit, METRES)
    z, y, x = (float(f"{edge / METRES[unit]:.12g}") for edge in volume.voxel_size)
    return x, y, z


def label_of(phase: str, volume: Volume) -> int:
    """The label of a phase given by name or, when none has this name, by label."""
    if phase in volume.phases:
        return volume.phases.index(phase)
    if phase.isdecimal() and int(phase) < len(volume.phases):
        return int(phase)
    raise unknown(
        "phase", phase, dict.fromkeys((*volume.phases, *map(str, range(len(volume.phases)))))
    )


def kept(without: Sequence[str], volume: Volume) -> list[int]:
    """Labels that the volume holds and that are not left out; ReconError when none is left."""
    out = {label_of(phase, volume) for phase in without}
    here = {label for label in range(len(volume.phases)) if (volume.labels == label).any()}
    if not here - out:
        gone = ", ".join(volume.phases[label] for label in sorted(here))
        raise ReconError(
            f"nothing is left without {gone}, all that the volume holds; leave out less"
        )
    return sorted(here - out)


def plain_names(phases: Sequence[str], letters: str) -> tuple[str, ...]:
    """Names of phases in a restricted alphabet, still different from each other.

    letters  a character class of what is allowed, such as "A-Z0-9_"
    """
    names = [re.sub(f"[^{letters}]", "_", phase)[:60] or "_" for phase in phases]
    return tuple(
        name if names.count(name) == 1 else f"{name}_{label}" for label, name in enumerate(names)
    )
