"""What a volume is wanted to have: one number of a metric or property."""

from typing import Any

import attrs
import numpy as np

from recon.core.catalog import catalog
from recon.core.errors import ReconError, unknown


@attrs.frozen
class Target:
    """A wanted value.

    plugin  name of a metric or property
    path    variable and coordinates of the number in its result: ("relative", "z")
    value   wanted
    """

    plugin: str
    path: tuple[str, ...]
    value: float

    @classmethod
    def parse(cls, text: str) -> "Target":
        """`diffusivity.relative.z=0.21`; ReconError for anything else."""
        key, equals, number = (part.strip() for part in text.partition("="))
        plugin, *path = key.split(".")
        try:
            value = float(number)
        except ValueError:
            value = np.nan
        if not equals or not np.isfinite(value):
            raise ReconError(
                "a target must be PLUGIN.VALUE=NUMBER such as diffusivity.relative.z=0.21, got "
                f"{text!r}"
            )
        find_kind(plugin)
        return cls(plugin, tuple(path), value)

    @property
    def key(self) -> str:
        """As one writes it."""
        return ".".join((self.plugin, *self.path))

    def read(self, result: Any) -> float:
        """The number in what the plugin returned; ReconError names what there is."""
        array, path = result, list(self.path)
        if hasattr(result, "data_vars"):
            names = [str(name) for name in result.data_vars]
            if not path or path[0] not in names:
                raise unknown(f"value of {self.plugin}", path[0] if path else "", names)
            array = result[path.pop(0)]
        for part in path:
            array = self._select(array, part)
        if array.ndim:
            dim = array.dims[0]
            places = ", ".join(_list_names(array, dim))
            raise ReconError(f"target {self.key} must name a {dim}, one of {places}")
        return float(array)

    def _select(self, array: Any, part: str) -> Any:
        for dim in array.dims:
            names = _list_names(array, dim)
            labels = [str(label) for label in array[dim].values]
            for known in (names, labels):
                if part in known:
                    return array.isel({dim: known.index(part)})
        known = [name for dim in array.dims for name in _list_names(array, dim)]
        raise unknown(f"coordinate in target {self.key}", part, known)


def _list_names(array: Any, dim: str) -> list[str]:
    """Coordinates along a dimension; of phases their names."""
    name = f"{dim}_name" if f"{dim}_name" in array.coords else dim
    return [str(value) for value in array[name].values]


def find_kind(plugin: str) -> str:
    """The kind that has a plugin of this name, property or metric; ReconError for neither."""
    for kind in ("property", "metric"):
        if plugin in catalog().names(kind):
            return kind
    raise unknown(
        "metric or property", plugin, catalog().names("property") + catalog().names("metric")
    )
