"""MetricSpec: what a metric measures for a comparison, by phase and direction or plane."""

import sys
import traceback
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from recon.core.catalog import HERE, OWN, catalog
from recon.core.contracts import check_result
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import NORMAL
from recon.core.data.volume import Volume
from recon.core.errors import ReconError, unknown
from recon.core.kinds import Compared, Metric
from recon.core.options import options
from recon.validation.comparison.sampling_error import average

KNOWN = (OWN, HERE)
"""Packages whose failures are shown as they are: to those who can mend them."""


@attrs.frozen
class MetricSpec:
    """A metric, and which variables of its result are compared.

    planes     those of the micrographs that are the reference; None against a volume
    variables  of a Dataset; empty for all that are numbers (flags are not)
    """

    metric: Metric
    planes: tuple[str, ...] | None
    variables: tuple[str, ...] = ()

    def measure(self, sample: Volume | Micrographs) -> dict[str, xr.DataArray]:
        """name -> (phase, direction or plane[, axis]); see Agreement.

        Of a volume against micrographs: its slices on each of their planes.
        """
        with name_failure(self.metric):
            if self.planes is None:
                return self._measure(sample)
            shown = [plane for plane in self.planes if plane in _planes(sample)]
            if "planes" in options(type(self.metric)):
                curves = self._measure(sample)
                return {name: value.sel(plane=shown) for name, value in curves.items()}
            each = [self._measure_slices(sample, plane) for plane in shown]
            if len(each) == 1:
                return each[0]
            return {
                name: xr.concat([one[name] for one in each], "plane", join="outer")
                for name in each[0]
            }

    def measure_plane(self, micrographs: Micrographs) -> dict[str, NDArray[np.float64]]:
        """name -> (phase, axis) of micrographs of one plane: as `measure`, in plain arrays.

        Numbers have an axis of length 1. For loops: labels cost more than the measuring.
        """
        (plane,) = micrographs.planes
        with name_failure(self.metric):
            return {
                name: take_plane(value, plane, name, known)
                for name, value, known in self._list_results(micrographs)
            }

    def describe(self, name: str) -> Compared:
        """What is known of one of the results of `measure`."""
        return describe(type(self.metric), name.partition(".")[2])

    def _measure_slices(self, sample: Volume | Micrographs, plane: str) -> dict[str, xr.DataArray]:
        """The mean over the directions of a plane, from its slices alone."""
        if isinstance(sample, Volume):
            slices = list(np.moveaxis(sample.labels, NORMAL[plane], 0))
        else:
            slices = list(sample.planes[plane])
        curves = self._measure(Micrographs({plane: slices}, sample.voxel_size, sample.phases))
        return {
            name: value.mean("direction", keep_attrs=True).expand_dims({"plane": [plane]}, 1)
            if "direction" in value.dims
            else value.sel(plane=[plane])
            for name, value in curves.items()
        }

    def _measure(self, sample: Volume | Micrographs) -> dict[str, xr.DataArray]:
        results = self._list_results(sample)
        return {name: arrange(value, name, known) for name, value, known in results}

    def _list_results(
        self, sample: Volume | Micrographs
    ) -> Iterator[tuple[str, xr.DataArray, Compared]]:
        """Name, values as the metric gave them, and what it says of them."""
        cls, name = type(self.metric), self.metric.name
        result = check_result(self.metric, self.metric.measure(sample))
        if not isinstance(result, xr.Dataset):
            yield name, result, describe(cls)
            return
        numbers = [str(key) for key in result if result[key].dtype.kind in "fiu"]
        for variable in self.variables:
            if variable not in result:
                raise unknown(f"result of metric {name}", variable, numbers)
        for key in self.variables or numbers:
            yield f"{name}.{key}", result[key], describe(cls, key)


def build_specs(
    names: Sequence[str], max_lag: int, planes: tuple[str, ...] | None
) -> tuple[MetricSpec, ...]:
    """One for each metric among names, which are `metric` or `metric.variable`."""
    asked: dict[str, list[str]] = {}
    for name in names:
        metric, _, variable = name.partition(".")
        asked.setdefault(metric, []).extend([variable] if variable else [])
    specs = []
    for name, variables in asked.items():
        cls = catalog().entry("metric", name).cls
        wanted: dict[str, Any] = {"max_lag": max_lag, "planes": planes is not None}
        chosen = {key: value for key, value in wanted.items() if key in options(cls)}
        metric = catalog().build("metric", name, **{**chosen, **cls.unbiased})
        specs.append(MetricSpec(metric, planes, tuple(variables)))
    return tuple(specs)


def list_compared(reference: Volume | Micrographs) -> tuple[str, ...]:
    """What joins a comparison by itself, `metric` or `metric.variable`, bundled metrics first."""
    to = "micrographs" if isinstance(reference, Micrographs) else "volumes"
    return tuple(_list_joining(to))


def _list_joining(to: str) -> Iterator[str]:
    for (kind, name), offers in catalog().entries.items():
        if kind == "metric" and any(to in offer.summary.compared for offer in offers):
            for one in catalog().entry(kind, name).cls.compared:
                if getattr(one, to):
                    yield f"{name}.{one.variable}" if one.variable else name


def describe(cls: type[Metric], variable: str = "") -> Compared:
    """What the class says of a variable of its result, with title and phrase."""
    declared = {one.variable: one for one in cls.compared}
    known = declared.get(variable, Compared(variable))
    title = known.title or name_title(cls.name, cls.title)
    if variable and not known.title:
        title += ", " + variable.replace("_", " ")
    return attrs.evolve(known, title=title, phrase=known.phrase or title)


def name_title(name: str, title: str = "") -> str:
    """The title of a metric; "Euler number" of `euler-number` where the class gives none."""
    words = name.replace("-", " ").replace("_", " ")
    return title or words[:1].upper() + words[1:]


def title_result(name: str) -> str:
    """The title of a result called `metric` or `metric.variable`; others keep their name."""
    metric, _, variable = name.partition(".")
    offers = catalog().entries.get(("metric", metric.rstrip("'")), [])
    return describe(offers[0].cls, variable).title if offers else name


@contextmanager
def name_failure(metric: Metric) -> Iterator[None]:
    """Whatever goes wrong in a metric of another package becomes a ReconError that names it."""
    try:
        yield
    except ReconError as error:
        if metric.name in str(error):
            raise
        raise ReconError(f"metric {metric.name}: {error}") from error
    except Exception as error:
        offers = catalog().entries.get(("metric", metric.name), [])
        foreign = [o.package for o in offers if o.cls is type(metric) and o.package not in KNOWN]
        if not foreign or isinstance(error, MemoryError):
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ReconError(
            f"metric {metric.name} of {foreign[0]} failed in the comparison: {reason}"
            f"{_find_place(error, metric)}; tell its author, or leave it out: "
            f"RECON_DISABLED_PLUGINS={foreign[0]}"
        ) from error


def _find_place(error: Exception, metric: Metric) -> str:
    """The last line of the metric's module that was being run, in brackets."""
    module = getattr(sys.modules.get(type(metric).__module__), "__file__", None)
    lines = [one for one in traceback.extract_tb(error.__traceback__) if one.filename == module]
    return f" ({Path(lines[-1].filename).name}, line {lines[-1].lineno})" if lines else ""


def arrange(value: xr.DataArray, name: str, known: Compared) -> xr.DataArray:
    """As (phase, direction or plane[, axis]) of floats."""
    places = known.places or ("axis" if "axis" in value.dims else "")
    value = value.rename({places: "direction"}) if places in value.dims else value
    over = "plane" if "plane" in value.dims else "direction"
    for dim, only in (("phase", -1), (over, "all")):
        if dim not in value.dims:
            value = value.drop_vars(dim, errors="ignore").expand_dims({dim: [only]})
        elif dim not in value.coords:
            value = value.assign_coords({dim: np.arange(value.sizes[dim])})
    value = value.transpose("phase", over, *_list_axes(value.dims, over, name))
    return value if value.dtype == float else value.astype(float)


def take_plane(value: xr.DataArray, plane: str, name: str, known: Compared) -> NDArray[np.float64]:
    """As (phase, axis) of one plane, or of the mean over the directions in it."""
    places = known.places or ("axis" if "axis" in value.dims else "")
    dims = ["direction" if dim == places else str(dim) for dim in value.dims]
    over = "plane" if "plane" in dims else "direction"
    axes = _list_axes(dims, over, name)
    values = np.asarray(value.to_numpy(), float)
    values = values.transpose([dims.index(dim) for dim in ("phase", over, *axes) if dim in dims])
    for number, dim in enumerate(("phase", over)):
        if dim not in dims:
            values = np.expand_dims(values, number)
    if over == "plane":
        values = values[:, list(value.indexes["plane"]).index(plane)]
    else:
        values = average(values, 1)
    return values.reshape(len(values), -1)


def _list_axes(dims: Sequence[Hashable], over: str, name: str) -> list[Hashable]:
    """The dim beside phase and place, or none."""
    axes = [dim for dim in dims if dim not in ("phase", over)]
    if len(axes) > 1:
        raise ReconError(
            f"metric {name}: a statistic to compare has at most one dim beside phase and "
            f"direction or plane, got {', '.join(map(str, axes))}"
        )
    return axes


def _planes(sample: Volume | Micrographs) -> Sequence[str]:
    return list(sample.planes) if isinstance(sample, Micrographs) else list(NORMAL)
