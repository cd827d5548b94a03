"""Tables of what was measured, as text."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.validation import ensemble
from recon.validation.comparison.comparison import FRACTIONS
from recon.validation.comparison.metric_spec import title_result
from recon.validation.report.numbers import Table

SHORT = 36  # values of a result that are written out


def tabulate_results(measurements: Mapping[str, xr.DataArray | xr.Dataset]) -> list[Table]:
    """Results that are short enough to be written out; curves and fractions have their place.

    Of several samples of a property: mean, scatter and interval of its constants.
    """
    ensembles = ensemble.summarize_all(measurements)
    tables = []
    for name, value in measurements.items():
        if name == FRACTIONS:
            continue
        title = title_result(name)
        if name in ensembles:
            tables.append(_tabulate_ensemble(title, ensembles[name]))
            members = dict(ensembles[name].sel(statistic="mean"))
        else:
            members = dict(value) if isinstance(value, xr.Dataset) else {"value": value}
        short = {
            str(key): member
            for key, member in members.items()
            if member.size <= SHORT and "lag" not in member.dims and "picture" not in member.attrs
        }
        matrices = {key: member for key, member in short.items() if _is_matrix(member)}
        rows = [
            [add_units(key, member), *_spell(member)]
            for key, member in short.items()
            if key not in matrices and name not in ensembles
        ]
        if rows:
            tables.append(Table(title, ["quantity", "of", "value"], rows))
        remarks = [["note", line] for line in value.attrs.get("notes", ())]
        remarks += [["warning", line] for line in value.attrs.get("warnings", ())]
        if remarks:
            tables.append(Table(f"{title}: what to know", ["", ""], remarks))
        mean = ", mean" if name in ensembles else ""
        tables += [
            _tabulate_matrix(f"{title}: {add_units(key, member)}{mean}", member)
            for key, member in matrices.items()
        ]
    return tables


def _tabulate_ensemble(name: str, summary: xr.Dataset) -> Table:
    share = f"samples for ±{100 * summary.attrs['within']:g} %"
    heads = ["constant", "mean", "standard deviation", "95 % interval of the mean", share]
    rows = [
        [c.name, c.mean, c.deviation, c.interval, c.needed]
        for c in ensemble.list_constants(summary)
    ]
    return Table(f"{name}, {summary.attrs['samples']} samples", heads, rows)


def add_units(name: str, member: xr.DataArray) -> str:
    """The name of a result, and its units if it has any."""
    return f"{name} ({member.attrs['units']})" if member.attrs.get("units") else name


def _is_matrix(member: xr.DataArray) -> bool:
    named = all(dim in member.coords for dim in member.dims)
    return member.ndim == 2 and named and "sample" not in member.dims and member.dtype.kind == "f"


def _tabulate_matrix(name: str, member: xr.DataArray) -> Table:
    first, second = member.dims
    rows = [
        [str(head), *(f"{v:.5g}" for v in row)]
        for head, row in zip(member[first].values, drop_rounding(member.values), strict=True)
    ]
    return Table(name, ["", *map(str, member[second].values)], rows)


def drop_rounding(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without what is only rounding beside the largest value."""
    largest = np.abs(values).max(initial=0.0)
    return np.where(np.abs(values) < 1e-9 * largest, 0.0, values)


def _spell(member: xr.DataArray) -> list[str]:
    values = [f"{v:.5g}" if member.dtype.kind == "f" else str(v) for v in member.values.ravel()]
    labels = [
        f"{dim}: " + ", ".join(str(v) for v in member[dim].values) if dim in member.coords else dim
        for dim in map(str, member.dims)
    ]
    return ["; ".join(labels), ", ".join(values)]
