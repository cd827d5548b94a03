"""Results of metrics and properties as JSON, and those of several samples as one."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

import xarray as xr

from recon.core.data.phases import index_phase_names

if TYPE_CHECKING:
    from recon.validation.comparison.comparison import Comparison

Results = dict[str, xr.DataArray | xr.Dataset]
"""By the name of the plugin."""


def to_json(results: Results, comparison: "Comparison | None" = None) -> str:
    """`{name: xarray's to_dict()}`, and under "comparison" how far it is from the reference.

    NaN and infinity are null.
    """
    table = to_table(results)
    if comparison is not None:
        table["comparison"] = comparison.to_table()
    return json.dumps(_replace_non_numbers(table), allow_nan=False)


def _replace_non_numbers(value: Any) -> Any:
    """The same as plain JSON, in which NaN and infinity are null: it has no word for them."""
    if isinstance(value, Mapping):
        return {key: _replace_non_numbers(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_non_numbers(one) for one in value]
    if value is None or isinstance(value, str | int):
        return value
    number = float(value)
    return number if isfinite(number) else None


def to_table(results: Results) -> dict[str, Any]:
    """`{name: xarray's to_dict()}`."""
    return {name: value.to_dict() for name, value in results.items()}


def from_table(table: Mapping[str, Any]) -> Results:
    """What `to_table` gave."""
    return {
        name: index_phase_names(
            (xr.Dataset if "data_vars" in value else xr.DataArray).from_dict(value)
        )
        for name, value in table.items()
    }


def concat_samples(values: list[Any]) -> Any:
    """Results of the samples along a dim `sample`; what any of them warns of is kept."""
    if len(values) == 1:
        return values[0]
    joined = xr.concat(values, "sample")
    for key in ("notes", "warnings"):
        lines = dict.fromkeys(line for value in values for line in value.attrs.get(key, ()))
        if lines:
            joined.attrs[key] = list(lines)
    return joined
