"""Sections of the page: one a metric, with its curves and box plots, and one of properties."""

import re
from collections.abc import Iterator, Mapping, Sequence

import attrs
import xarray as xr

from recon.core.data.volume import Volume
from recon.validation.comparison.equivalence import Comparison
from recon.validation.report import boxes
from recon.validation.report.curves import Chart, Curves, charts, lag_curves

Results = Mapping[str, xr.DataArray | xr.Dataset]


@attrs.frozen
class Part:
    """One statistic: charts of curves, a row of panels a phase, or box plots.

    name  "chord-length.mean";  boxes  whether these are box plots
    real  whether pieces of the reference are shown, too
    """

    name: str
    charts: list[Chart]
    boxes: bool
    real: bool

    @property
    def single(self) -> bool:
        """Whether phases have one panel each, which then stand side by side."""
        return not self.boxes and all(len(chart.panels) == 1 for chart in self.charts)


@attrs.frozen
class Section:
    """The statistics of one metric."""

    id: str
    name: str
    parts: list[Part]


def sections(
    volumes: Sequence[Volume], measurements: Results, comparison: Comparison | None
) -> list[Section]:
    """Of every metric: what was compared with the reference, and what else was measured."""
    found: dict[str, list[Part]] = {}
    seen = set(comparison.metrics if comparison else ())
    for part in (*_compared(volumes[0], comparison), *_measured(volumes[0], measurements, seen)):
        if part.charts:
            found.setdefault(part.name.partition(".")[0], []).append(part)
    return [Section(_identifier(name), name, parts) for name, parts in found.items()]


def properties(measurements: Results, comparison: Comparison | None) -> list[Part]:
    """Box plots of properties, those of real pieces beside them where they were solved."""
    compared = comparison.properties if comparison else {}
    found = []
    for name, value in measurements.items():
        if name in compared:
            groups = boxes.of_property(compared[name])
        elif isinstance(value, xr.Dataset) and "phase" not in value.dims:
            groups = boxes.of_result(value, ())
        else:
            continue
        panels = boxes.panels(groups)
        if panels:
            found.append(Part(name, [Chart(None, panels)], True, name in compared))
    return found


def _compared(first: Volume, comparison: Comparison | None) -> Iterator[Part]:
    for name, agreement in comparison.metrics.items() if comparison else ():
        if agreement.axis is None:
            panels = boxes.panels(boxes.of_metric(agreement, first.phases))
            charted = [Chart(None, panels)] if panels else []
            yield Part(name, charted, True, agreement.floor is not None)
        else:
            curves = Curves.compared(agreement, first.voxel_size, first.phases)
            yield Part(name, charts(curves), False, True)


def _measured(first: Volume, measurements: Results, seen: set[str]) -> Iterator[Part]:
    for metric, value in measurements.items():
        members = value.items() if isinstance(value, xr.Dataset) else [(None, value)]
        for key, member in members:
            name = metric if key is None else f"{metric}.{key}"
            found = None if name in seen else lag_curves(member)
            if found is not None:
                curves = Curves.measured(name, found, first.voxel_size, first.phases)
                yield Part(name, charts(curves), False, False)
            elif name not in seen and "phase" in member.dims and "sample" in member.dims:
                only = xr.Dataset({name: member})
                panels = boxes.panels(boxes.of_result(only, first.phases))
                yield Part(name, [Chart(None, panels)] if panels else [], True, False)


def places(found: Sequence[Section], comparison: Comparison | None) -> dict[str, str]:
    """Where on the page each statistic is shown: its name -> the id of a section."""
    shown = dict.fromkeys(comparison.metrics if comparison else (), "numbers")
    shown["volume-fraction"] = "summary"
    shown |= {part.name: section.id for section in found for part in section.parts}
    return shown | dict.fromkeys(comparison.properties if comparison else (), "properties")


def _identifier(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
