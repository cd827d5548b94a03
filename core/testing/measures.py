"""What a metric or property must keep."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from recon.core.contracts import check_result
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import NORMAL, PLANES
from recon.core.data.volume import Volume
from recon.core.kinds import Compared, Metric, Property
from recon.core.testing.strategies import sample_volume


def check_metric(metric: Metric) -> None:
    first = _measure(metric, metric.measure)
    assert first.identical(_measure(metric, metric.measure)), "measuring twice must give the same"
    _check_compared([item for item in metric.compared if item.volumes], first)
    drawn = [item for item in metric.compared if item.micrographs]
    for plane in PLANES if drawn else ():
        slices = list(np.moveaxis(sample_volume().labels, NORMAL[plane], 0))
        value = check_result(metric, metric.measure(Micrographs({plane: slices})))
        _check_compared(drawn, _dataset(value))


def check_property(solver: Property) -> None:
    _measure(solver, solver.solve)


def _check_compared(items: Sequence[Compared], result: xr.Dataset) -> None:
    """What a metric says of its result, for the comparison."""
    for item in items:
        if item.variable:
            assert item.variable in result, f"compared: measure returns no {item.variable}"
        for value in (result[[item.variable]] if item.variable else result).values():
            places = {"phase", "direction", "plane", "axis", item.places}
            rest = [dim for dim in value.dims if dim not in places]
            assert len(rest) <= 1, f"compared: at most one dim beside phase and place, got {rest}"
            if item.sampling_error == "remainder":
                assert rest == ["lag"], "compared: remainder is for shares of pairs or runs by lag"


def _measure(plugin: Metric | Property, function: Callable[[Volume], Any]) -> xr.Dataset:
    """What a plugin's function makes of a volume, which it must leave as it was."""
    volume = sample_volume()
    result = _dataset(check_result(plugin, function(volume)))
    assert np.array_equal(volume.labels, sample_volume().labels), "the volume must not change"
    json.dumps(result.to_dict(), default=float)
    return result


def _dataset(value: xr.DataArray | xr.Dataset) -> xr.Dataset:
    return value if isinstance(value, xr.Dataset) else xr.Dataset({"value": value})
