"""Coordinates of results, made once: for a window they take longer than what is measured."""

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


@lru_cache(maxsize=64)
def coordinates(
    units: tuple[tuple[str, str], ...] = (), **values: Sequence[Hashable]
) -> "xr.Coordinates":
    """Dims with their values, hashable (a tuple, a range); units of some of them."""
    import xarray as xr

    named = dict(units)
    return xr.Coordinates(
        {
            dim: (dim, list(each), {"units": named[dim]} if dim in named else {})
            for dim, each in values.items()
        }
    )
