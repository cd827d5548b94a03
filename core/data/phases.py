"""Phases by name or label."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from recon.core.errors import unknown

if TYPE_CHECKING:
    import xarray as xr


def find_label(phases: Sequence[str], phase: int | str) -> int:
    """The label of a phase given by label, or by name; text that is no name is read as a label.

    Raises ReconError, with a suggestion, for what is neither.
    """
    if isinstance(phase, str) and phase in phases:
        return phases.index(phase)
    text = str(phase)
    if text.isdecimal() and int(text) < len(phases):
        return int(text)
    raise unknown("phase", text, dict.fromkeys((*phases, *map(str, range(len(phases))))))


def index_phase_names(
    result: "xr.DataArray | xr.Dataset", phases: Sequence[str] = ()
) -> "xr.DataArray | xr.Dataset":
    """A result over `phase` that is selected by name as well: `.sel(phase_name="pore")`.

    phases  names by label; without them those that the result has already, which lose their index
            in a file

    Returned as it is where its coordinate `phase` holds no labels of these phases.
    """
    if "phase" not in result.dims:
        return result
    if phases and "phase_name" not in result.coords:
        labels = result["phase"].to_numpy()
        if labels.dtype.kind not in "iu" or not all(0 <= k < len(phases) for k in labels):
            return result
        if "phase" not in result.coords and len(labels) != len(phases):
            return result
        names = [phases[k] for k in labels]
        result = result.assign_coords(phase=labels, phase_name=("phase", names))
    named = "phase_name" in result.coords and "phase_name" not in result.xindexes
    return result.set_xindex("phase_name") if named else result
