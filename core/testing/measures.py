"""What a metric or property must keep."""

import json

import numpy as np
import xarray as xr

from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import NORMAL, PLANES
from recon.core.kinds import Compared, Metric, Property
from recon.core.testing.strategies import sample_volume


def check_metric(metric: Metric) -> None:
    volume = sample_volume()
    before = volume.labels.copy()
    first = _dataset(metric.measure(volume))
    assert np.array_equal(volume.labels, before), "measure must not change the volume"
    second = _dataset(metric.measure(volume))
    assert first.identical(second), "measuring twice must give the same"
    json.dumps(first.to_dict(), default=float)
    for item in metric.compared:
        if item.volumes:
            _check_compared(item, first)
    if any(item.micrographs for item in metric.compared):
        for plane in PLANES:
            slices = list(np.moveaxis(volume.labels, NORMAL[plane], 0))
            result = _dataset(metric.measure(Micrographs({plane: slices})))
            for item in metric.compared:
                if item.micrographs:
                    _check_compared(item, result)


def _check_compared(item: Compared, result: xr.Dataset) -> None:
    """What a metric says of its result, for the comparison."""
    name = item.variable or "value"
    assert name in result, f"compared: measure returns no {item.variable or 'number or array'}"
    places = {"phase", "direction", "plane", "axis", item.places}
    rest = [dim for dim in result[name].dims if dim not in places]
    assert len(rest) <= 1, f"compared: at most one dim beside phase and place, got {rest}"
    if item.sampling_error == "remainder":
        assert rest == ["lag"], "compared: remainder is for shares of pairs or runs by lag"


def _dataset(value: xr.DataArray | xr.Dataset | float) -> xr.Dataset:
    return value if isinstance(value, xr.Dataset) else xr.Dataset({"value": value})


def check_property(solver: Property) -> None:
    volume = sample_volume()
    before = volume.labels.copy()
    result = _dataset(solver.solve(volume))
    assert np.array_equal(volume.labels, before), "solve must not change the volume"
    json.dumps(result.to_dict(), default=float)
