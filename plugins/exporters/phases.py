"""Phases of a volume that a file is to hold, and their names in it."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recon.core.errors import ReconError

if TYPE_CHECKING:
    from recon.core.data.volume import Volume

WITHOUT = "Phases to omit, by name or label."


def keep_labels(without: Sequence[str | int], volume: "Volume") -> list[int]:
    """Labels that the volume holds and that are not left out; ReconError when none is left."""
    out = {volume.find_label(phase) for phase in without}
    here = {label for label in range(len(volume.phases)) if (volume.labels == label).any()}
    if not here - out:
        gone = ", ".join(volume.phases[label] for label in sorted(here))
        raise ReconError(
            f"nothing is left without {gone}, the only phases of the volume; omit fewer"
        )
    return sorted(here - out)


def restrict_names(phases: Sequence[str], letters: str) -> tuple[str, ...]:
    """Names of phases in a restricted alphabet, still different from each other.

    letters  a character class of what is allowed, such as "A-Z0-9_"
    """
    names = [re.sub(f"[^{letters}]", "_", phase)[:60] or "_" for phase in phases]
    return tuple(
        name if names.count(name) == 1 else f"{name}_{label}" for label, name in enumerate(names)
    )
