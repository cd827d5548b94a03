"""samples.csv: a row a sample, with every number that a plot over an ensemble may want."""

import csv
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import xarray as xr

from recon.core.data.volume import Volume
from recon.core.recipe import Recipe
from recon.core.storage.atomic import atomic_output
from recon.validation.comparison.comparison import FRACTIONS
from recon.workflow.results import Results

MOST = 36
"""Values of one result that get a column each: a stiffness does, a histogram does not."""


def write(
    path: Path,
    recipe: Recipe,
    volumes: Sequence[Volume],
    notes: Sequence[dict[str, Any]],
    results: Sequence[Results],
) -> None:
    """Write the table.

    sample, seed, seconds, worker   of its making; the last two empty when nobody knows
    volume-fraction.PHASE           of every phase
    RESULT.PLACE, RESULT.VARIABLE.PLACE   every constant of metrics and properties; curves over
                                    a lag are in measurements.json
    """
    rows = []
    for number, (volume, note, measured) in enumerate(zip(volumes, notes, results, strict=True)):
        made = {key: note.get(key, "") for key in ("seconds", "worker")}
        row = {"sample": number, "seed": recipe.seed + number, **made}
        for phase, share in zip(volume.phases, volume.fractions(), strict=True):
            row[f"{FRACTIONS}.{phase}"] = share
        for name, value in measured.items():
            if name != FRACTIONS:
                row |= _list_columns(name, value)
        rows.append(row)
    with atomic_output(path, replace=True) as partial, partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)


def _list_columns(name: str, value: xr.DataArray | xr.Dataset) -> dict[str, float]:
    parts: dict[str, xr.DataArray] = (
        {f"{name}.{member}": value[member] for member in value}
        if isinstance(value, xr.Dataset)
        else {name: value}
    )
    return {
        ".".join([head, *place]): number
        for head, part in parts.items()
        if "lag" not in part.dims and part.size <= MOST and part.dtype.kind in "fiub"
        for place, number in _iterate_numbers(part)
    }


def _iterate_numbers(value: xr.DataArray) -> Iterator[tuple[list[str], float]]:
    """Each number with the names of its place along the dims."""
    names = [
        [str(name) for name in (value[dim].values if dim in value.coords else range(size))]
        for dim, size in value.sizes.items()
    ]
    for place, number in zip(product(*names), value.values.ravel(), strict=True):
        yield list(place), number.item()
