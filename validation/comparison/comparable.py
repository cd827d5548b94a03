"""What of a metric's result can be compared: numbers and curves by phase and direction or plane."""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import xarray as xr

from recon.core.catalog import catalog
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import NORMAL
from recon.core.data.volume import Volume
from recon.core.errors import ReconError, unknown
from recon.core.kinds import Metric
from recon.core.options import options

PREFERRED = {"chord-length": {"border": "weigh"}}
"""Options under which a sample of another size has the same expectation."""


@attrs.frozen
class Probe:
    """A metric, and which variables of its result are compared.

    planes     those of the micrographs that are the reference; None against a volume
    variables  of a Dataset; empty for all that are numbers (flags are not)
    """

    metric: Metric
    planes: tuple[str, ...] | None
    variables: tuple[str, ...] = ()

    def of(self, sample: Volume | Micrographs) -> dict[str, xr.DataArray]:
        """name -> (phase, direction or plane[, axis]); see Agreement.

        Of a volume against micrographs: its slices on each of their planes.
        """
        if self.planes is None:
            return self._named(self.metric.measure(sample))
        if "planes" in options(type(self.metric)):
            found = self._named(self.metric.measure(sample))
            shown = [plane for plane in self.planes if plane in _planes(sample)]
            return {name: value.sel(plane=shown) for name, value in found.items()}
        each = [self._on_plane(sample, plane) for plane in self.planes if plane in _planes(sample)]
        return {name: xr.concat([one[name] for one in each], "plane") for name in each[0]}

    def _on_plane(self, sample: Volume | Micrographs, plane: str) -> dict[str, xr.DataArray]:
        """The mean over the two directions of a plane, from its slices alone."""
        if isinstance(sample, Volume):
            slices = list(np.moveaxis(sample.labels, NORMAL[plane], 0))
        else:
            slices = list(sample.planes[plane])
        flat = Micrographs({plane: slices}, sample.voxel_size, sample.phases)
        found = self._named(self.metric.measure(flat))
        return {
            name: value.mean("direction").expand_dims({"plane": [plane]}, 1)
            for name, value in found.items()
        }

    def _named(self, result: xr.DataArray | xr.Dataset | float) -> dict[str, xr.DataArray]:
        if not isinstance(result, xr.Dataset):
            return {self.metric.name: arranged(xr.DataArray(result))}
        numbers = [str(n) for n in result if result[n].dtype.kind in "fiu"]
        chosen = self.variables or numbers
        for name in chosen:
            if name not in result:
                raise unknown(f"result of metric {self.metric.name}", name, numbers)
        return {f"{self.metric.name}.{name}": arranged(result[name]) for name in chosen}


def probes(names: Sequence[str], longest: int, planes: tuple[str, ...] | None) -> tuple[Probe, ...]:
    """A probe for each metric among names, which are `metric` or `metric.variable`.

    longest  largest lag in voxels
    """
    asked: dict[str, list[str]] = {}
    for name in names:
        metric, _, variable = name.partition(".")
        asked.setdefault(metric, []).extend([variable] if variable else [])
    made = []
    for name, variables in asked.items():
        known = options(catalog().entry("metric", name).cls)
        wanted: dict[str, Any] = {"max_lag": longest, "planes": planes is not None}
        wanted |= PREFERRED.get(name, {})
        chosen = {key: value for key, value in wanted.items() if key in known}
        made.append(Probe(catalog().build("metric", name, **chosen), planes, tuple(variables)))
    return tuple(made)


def arranged(value: xr.DataArray) -> xr.DataArray:
    """As (phase, direction or plane[, axis]) of floats."""
    value = value.rename(axis="direction") if "axis" in value.dims else value
    over = "plane" if "plane" in value.dims else "direction"
    for dim, only in (("phase", -1), (over, "all")):
        if dim not in value.dims:
            value = value.drop_vars(dim, errors="ignore").expand_dims({dim: [only]})
    rest = [dim for dim in value.dims if dim not in ("phase", over)]
    if len(rest) > 1:
        raise ReconError(
            f"metric {value.name}: a statistic to compare has at most one dim beside phase and "
            f"direction or plane, got {', '.join(map(str, rest))}"
        )
    return value.transpose("phase", over, *rest).astype(float)


def _planes(sample: Volume | Micrographs) -> Sequence[str]:
    return list(sample.planes) if isinstance(sample, Micrographs) else list(NORMAL)
