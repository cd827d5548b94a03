"""The phases through which something flows or diffuses: as asked for, else the one named so."""

from collections.abc import Sequence

import attrs

from recon.core import ReconError, Volume
from recon.plugins.fluids import FLUIDS


@attrs.frozen
class TransportingPhases:
    """Labels of the phases in the order asked for, their names, and a line that says which."""

    labels: tuple[int, ...]
    names: tuple[str, ...]
    note: str


def check_phases(plugin: str, phases: Sequence[int | str] | None) -> None:
    """ReconError unless phases are one or more, each once; None leaves the choice to recon."""
    if phases is not None and (not phases or len(set(phases)) < len(phases)):
        raise ReconError(f"{plugin}: phases must be one or more, each once, got {phases}")


def choose_phases(
    plugin: str, verb: str, volume: Volume, phases: Sequence[int | str] | None
) -> TransportingPhases:
    """Phases given by name or label; else the phase named pore, void or electrolyte, else 1.

    plugin  for messages, such as "property diffusivity"
    verb    what they do there
    """
    if phases is None:
        named = [k for k, name in enumerate(volume.phases) if name.lower() in FLUIDS]
        labels, why = (tuple(named[:1]) or (1,)), ", by default"
        if labels[0] >= len(volume.phases):
            raise ReconError(
                f"{plugin}: no phase is named pore, void or electrolyte and there is no label 1; "
                f"choose among {', '.join(volume.phases)} with {plugin.rpartition(' ')[2]}.phases"
            )
    else:
        labels, why = tuple(volume.find_label(phase) for phase in phases), ""
        check_phases(plugin, labels)
    names = tuple(volume.phases[label] for label in labels)
    each = " and ".join(f"{a!r} (label {b})" for a, b in zip(names, labels, strict=True))
    phase, ending = ("phase", "s") if len(labels) == 1 else ("phases", "")
    return TransportingPhases(labels, names, f"{phase} {each} {verb}{ending}{why}")
