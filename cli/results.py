"""Results of metrics and properties as text for a terminal."""

from collections.abc import Hashable
from textwrap import indent

import numpy as np
import xarray as xr


def to_text(value: xr.DataArray | xr.Dataset) -> str:
    """Short results whole, matrices as tables, curves at a few places; warnings last."""
    if isinstance(value, xr.DataArray):
        return _format_array(value)
    lines = [
        f"  {_format_name(name, value[name])}{_format_member(value[name])}"
        for name in value
        if "picture" not in value[name].attrs and value[name].size
    ]
    for kind in ("note", "warning"):
        lines += [f"  {kind}: {line}" for line in value.attrs.get(f"{kind}s", ())]
    return "\n".join(lines)


def _format_array(value: xr.DataArray) -> str:
    if value.ndim == 0:
        return f"  {float(value):.6g}"
    value = _thin(value)
    frame = value.to_series().unstack(value.dims[-1]) if value.ndim > 1 else value.to_series()
    return str(frame.to_string(float_format=lambda number: f"{number:.4f}"))


def _thin(value: xr.DataArray) -> xr.DataArray:
    """A few places along a curve: 0, 1, 2, 4, 8, 16 and the last."""
    if "lag" in value.dims:
        there = value["lag"].values.tolist()
        return value.sel(lag=sorted({0, 1, 2, 4, 8, 16, there[-1]} & set(there)))
    if value.ndim > 2:
        last = value.sizes[value.dims[-1]] - 1
        return value[..., [place for place in (0, 1, 2, 4, 8, 16) if place < last] + [last]]
    return value


def _format_name(name: Hashable, member: xr.DataArray) -> str:
    units = member.attrs.get("units")
    return f"{name} ({units}):" if units else f"{name}:"


def _format_member(member: xr.DataArray) -> str:
    """A number, a row of named numbers, or a table of rows and columns; curves at a few places."""
    if member.ndim == 0:
        return " " + _format_number(member.values[()])
    if "lag" in member.dims or member.ndim > 2:
        return "\n" + indent(_format_array(member), "    ")
    names = [
        [str(name) for name in member[dim].values]
        if dim in member.coords
        else [str(place) for place in range(member.sizes[dim])]
        for dim in member.dims
    ]
    if member.ndim == 1:
        numbers = (_format_number(v) for v in member.values)
        return " " + ", ".join(f"{n} {v}" for n, v in zip(names[0], numbers, strict=True))
    values = member.values
    if values.dtype.kind == "f":  # what is only rounding beside the largest value
        values = np.where(np.abs(values) < 1e-9 * np.abs(values).max(initial=0), 0.0, values)
    rows = [["", *names[1]]]
    rows += [[name, *map(_format_number, row)] for name, row in zip(names[0], values, strict=True)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n" + "\n".join(f"    {line}" for line in lines)


def _format_number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
