"""measure_all(): the statistics and properties of a volume or of micrographs."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from recon.core import contracts
from recon.core.catalog import catalog
from recon.core.data.chunked_volume import ChunkedVolume, refuse_parts
from recon.core.data.phases import index_phase_names
from recon.core.recipe import Choice
from recon.core.sampling.threads import keep_threads

if TYPE_CHECKING:
    import xarray as xr

    from recon.core.data.micrographs import Micrographs
    from recon.core.data.volume import Volume
    from recon.core.kinds import Metric, Property


def measure_all(
    sample: "Volume | ChunkedVolume | Micrographs",
    metrics: "Sequence[str | Choice | Metric]" = (),
    properties: "Sequence[str | Choice | Property]" = (),
    report: Callable[[str], None] = lambda name: None,
    progress: Callable[[str, int, int, str], None] = lambda *_: None,
) -> "dict[str, xr.DataArray | xr.Dataset]":
    """Every statistic and property asked for, by the plugin's name.

    What is given by phase has the names of the phases too: `.sel(phase_name="pore")`.

    report    called with the name of each before it is computed
    progress  of a property: its name, steps done, steps in all, a word on the state

    Raises ReconError, before anything is computed, for what cannot be measured on a ChunkedVolume.
    """
    results: dict[str, xr.DataArray | xr.Dataset] = {}
    plugins = [_plugin("metric", item) for item in metrics]
    plugins += [_plugin("property", item) for item in properties]
    if isinstance(sample, ChunkedVolume):
        refuse_parts(plugins)
    with keep_threads():
        for plugin in plugins:
            report(plugin.name)
            if plugin.kind == "metric":
                value = plugin.measure(sample)
            else:
                reporting = attrs.evolve(plugin, report=partial(progress, plugin.name))
                value = reporting.solve(sample)
            key = plugin.name
            while key in results:
                key += "'"
            value = contracts.check_result(plugin, value)
            results[key] = index_phase_names(value, sample.phases)
    return results


def _plugin(kind: str, item: Any) -> Any:
    choice = Choice(item) if isinstance(item, str) else item
    if isinstance(choice, Choice):
        return catalog().build(kind, choice.name, **choice.options)
    return item
