"""The table that a verdict is taken from: errors of samples and pieces, statistic by plane."""

from typing import TYPE_CHECKING

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.validation.comparison.agreement import Agreement
from recon.validation.comparison.property_agreement import PropertyAgreement

if TYPE_CHECKING:
    from recon.validation.comparison.equivalence import Comparison

RESOLVED = 0.005
"""Relative error below which floors are not told apart: half a per cent of anything does not
matter, however little real pieces scatter (a matrix that is 99.99 % one cluster)."""
NOT_JUDGED = ("percolation.spanning_share",)
"""Yes or no in disguise: that no real piece spans does not say, with 16 of them, that none does.
What is connected is judged by the largest cluster and the cluster function."""
FROM_2D = 2**0.5
"""How much wider limits are where the floor is estimated from 2D: the slices that a volume is
worth are known within a factor of 2 (see windows.independent_slices), and errors go with its
root."""


@attrs.frozen
class Cell:
    """One statistic at one place.

    over    "plane", "direction" or "constant", of which `where` is one
    phase   label of the phase that is furthest off; None of a property
    values  of plain numbers: mean of the samples and of the material in that phase
    """

    statistic: str
    over: str
    where: str
    phase: int | None
    values: tuple[float, float] | None


@attrs.frozen(eq=False)
class Block:
    """Cells whose pieces are linked: piece i is the same piece of the material in all of them.

    ratios  (cell,) mean error of the samples over that of the pieces
    pieces  (piece, cell) error of each piece over their mean
    worth   independent pieces that these are worth
    allowed factor by which limits are wider than what these pieces say
    """

    cells: tuple[Cell, ...]
    ratios: NDArray[np.float64]
    pieces: NDArray[np.float64]
    worth: float
    allowed: float = 1.0


Column = tuple[Cell, float, NDArray[np.float64]]


def blocks(comparison: "Comparison") -> list[Block]:
    """Everything that can be judged: one block of a volume, one a plane of micrographs.

    Groups of windows of different planes are different pieces of the material.
    """
    columns: dict[str, list[Column]] = {}
    worth: dict[str, float] = {}
    for agreement in comparison.metrics.values():
        if agreement.floor is None or agreement.name in NOT_JUDGED:
            continue
        for where in agreement.floor.errors[agreement.over].values:
            key = str(where) if comparison.kind == "micrographs" else "volume"
            made = _column(agreement, where)
            if made is not None:
                columns.setdefault(key, []).append(made)
                worth[key] = min(worth.get(key, np.inf), agreement.floor.worth)
    for found in comparison.properties.values():
        columns.setdefault("volume", []).extend(_constants(found))
    # A statistic that some pieces are too small for cannot be linked to the others.
    columns = {
        key: [column for column in those if len(column[2]) == max(len(c[2]) for c in those)]
        for key, those in columns.items()
    }
    return [
        Block(
            tuple(cell for cell, _, _ in those),
            np.array([ratio for _, ratio, _ in those]),
            np.stack([pieces for _, _, pieces in those], 1),
            worth[key],
            FROM_2D if comparison.kind == "micrographs" else 1.0,
        )
        for key, those in columns.items()
        if key in worth
    ]


def _column(agreement: Agreement, where: object) -> Column | None:
    """The mean over phases; None where there is no floor."""
    assert agreement.floor is not None
    at = {agreement.over: where}
    pieces = agreement.floor.errors.sel(at).dropna("piece", how="all")
    errors = agreement.errors.sel(at).mean("sample")
    floor = pieces.mean("piece")
    ratio = _ratio(errors.mean("phase"), floor.mean("phase"))
    scattered = pieces.mean("phase") / max(float(floor.mean("phase")), RESOLVED)
    if not (np.isfinite(ratio) or np.isinf(ratio)) or not np.isfinite(scattered).all():
        return None
    by_phase = (errors / np.maximum(floor.fillna(0), RESOLVED)).fillna(-1)
    k = int(np.argmax(by_phase.to_numpy()))
    values = None
    if agreement.axis is None:
        sample = agreement.curves.sel(at).mean("sample")[k]
        values = (float(sample), float(agreement.reference.sel(at)[k]))
    phase = int(errors["phase"][k])
    cell = Cell(agreement.name, agreement.over, str(where), phase, values)
    return cell, ratio, scattered.to_numpy()


def _constants(found: PropertyAgreement) -> list[Column]:
    made: list[Column] = []
    errors, pieces = found.errors.mean("sample"), found.floor
    for name in pieces["constant"].values:
        at = {"constant": name}
        floor = pieces.sel(at).mean("piece")
        ratio = _ratio(errors.sel(at), floor)
        scattered = (pieces.sel(at) / max(float(floor), RESOLVED)).to_numpy()
        if np.isnan(ratio) or not np.isfinite(scattered).all():
            continue
        values = (float(found.samples.sel(at).mean()), float(found.pieces.sel(at).mean()))
        made.append((Cell(found.name, "constant", str(name), None, values), ratio, scattered))
    return made


def _ratio(error: xr.DataArray, floor: xr.DataArray) -> float:
    return float(error) / max(float(floor), RESOLVED) if np.isfinite(floor) else float("nan")
