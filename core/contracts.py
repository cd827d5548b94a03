"""What a plugin returned, checked against the contract of its kind; ReconError names the plugin."""

from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.data.planes import PLANES
from recon.core.errors import ReconError, shown

if TYPE_CHECKING:
    import xarray as xr


def check_result(plugin: Any, value: Any) -> "xr.DataArray | xr.Dataset":
    """Of a metric: an xarray object of real numbers, which a bare number becomes. Of a property:
    a Dataset of them, which a number or an array becomes."""
    import xarray as xr

    if isinstance(value, bool | int | float | np.number | np.bool_):
        value = xr.DataArray(value)
    right = isinstance(value, xr.DataArray | xr.Dataset)
    members = list(value.data_vars.values()) if isinstance(value, xr.Dataset) else [value]
    if not right or any(member.dtype.kind not in "biuf" for member in members):
        types = {str(member.dtype) for member in members} if right else type(value).__name__
        raise _wrong(plugin, "a number, or a DataArray or Dataset of real numbers", types)
    if plugin.kind == "property" and isinstance(value, xr.DataArray):
        return value.to_dataset(name=value.name or plugin.name)
    return value  # type: ignore[no-any-return]


def check_planes(schedule: Any, value: Any) -> tuple[str, ...]:
    """Of a schedule: at least one plane, each of them known."""
    if not isinstance(value, tuple | list) or not value or any(p not in PLANES for p in value):
        raise _wrong(schedule, f"a tuple of planes among {', '.join(PLANES)}", value)
    return tuple(value)


def check_shape(plugin: Any, shape: tuple[int, ...], value: Any) -> Any:
    """Of a denoiser, harmonizer, refiner: a tensor or field in slabs of the shape of its input."""
    actual = getattr(value, "shape", None)
    if actual is None or tuple(actual) != tuple(shape):
        got = type(value).__name__ if actual is None else tuple(actual)
        raise _wrong(plugin, f"a tensor of shape {tuple(shape)}", got)
    return value


def _wrong(plugin: Any, rule: str, value: Any) -> ReconError:
    return ReconError(
        f"{plugin.kind} {plugin.name} must return {rule}, got {shown(value)}; tell its author, or "
        f"take another {plugin.kind}"
    )
