"""Sections of the page: one a metric, with its curves and box plots, and one of properties."""

import re
from collections.abc import Iterator, Mapping, Sequence

import attrs
import xarray as xr

from recon.core.data.volume import Volume
from recon.validation.classifier.two_sample_test import CLASSIFIER
from recon.validation.comparison.comparison import FRACTIONS, Comparison
from recon.validation.comparison.metric_spec import title_result
from recon.validation.report import box_plots
from recon.validation.report.curves import Chart, Curves, draw_charts, select_curves
from recon.validation.report.maps import draw_maps, list_pictures

Results = Mapping[str, xr.DataArray | xr.Dataset]


@attrs.frozen
class Part:
    """One statistic: charts of curves, a row of panels a phase, or box plots.

    name   "chord-length.mean";  title  "Mean chord length"
    boxes  whether these are box plots
    real   whether subvolumes of the reference are shown, too
    """

    name: str
    title: str
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
    title: str
    parts: list[Part]


def build_sections(
    volumes: Sequence[Volume], measurements: Results, comparison: Comparison | None
) -> list[Section]:
    """Of every metric: what was compared with the reference, and what else was measured."""
    by_metric: dict[str, list[Part]] = {}
    seen = set(comparison.metrics if comparison else ())
    for part in (
        *_show_compared(volumes[0], comparison),
        *_show_measured(volumes[0], measurements, seen),
    ):
        if part.charts:
            by_metric.setdefault(part.name.partition(".")[0], []).append(part)
    return [
        Section(_make_id(name), name, title_result(name), parts)
        for name, parts in by_metric.items()
    ]


def build_properties(measurements: Results, comparison: Comparison | None) -> list[Part]:
    """Box plots of properties, those of real subvolumes beside them where they were solved."""
    compared = comparison.properties if comparison else {}
    parts = []
    for name, value in measurements.items():
        if name in compared:
            groups = box_plots.group_constants(compared[name])
        elif isinstance(value, xr.Dataset) and "phase" not in value.dims:
            groups = box_plots.group_result(value, ())
        else:
            continue
        panels = box_plots.draw_panels(groups)
        if panels:
            parts.append(Part(name, name, [Chart(None, panels)], True, name in compared))
        if isinstance(value, xr.Dataset) and (maps := draw_maps(value)):
            title = f"{name}: {list_pictures(value)}"
            parts.append(Part(f"{name}.maps", title, [Chart(None, maps)], False, False))
    return parts


def _show_compared(first: Volume, comparison: Comparison | None) -> Iterator[Part]:
    for name, agreement in comparison.metrics.items() if comparison else ():
        if agreement.axis is None:
            panels = box_plots.draw_panels(
                box_plots.group_numbers(agreement, first.phases, first.voxel_size)
            )
            charted = [Chart(None, panels)] if panels else []
            yield Part(name, agreement.title, charted, True, agreement.sampling_error is not None)
        else:
            curves = Curves.compared(agreement, first.voxel_size, first.phases)
            yield Part(name, agreement.title, draw_charts(curves), False, True)


def _show_measured(first: Volume, measurements: Results, seen: set[str]) -> Iterator[Part]:
    for metric, value in measurements.items():
        members = value.items() if isinstance(value, xr.Dataset) else [(None, value)]
        for key, member in members:
            name = metric if key is None else f"{metric}.{key}"
            selected = None if name in seen else select_curves(member)
            if selected is not None:
                curves = Curves.measured(
                    title_result(name), selected, first.voxel_size, first.phases
                )
                yield Part(name, title_result(name), draw_charts(curves), False, False)
            elif name not in seen and "phase" in member.dims and "sample" in member.dims:
                only = xr.Dataset({name: member})
                panels = box_plots.draw_panels(box_plots.group_result(only, first.phases))
                charted = [Chart(None, panels)] if panels else []
                yield Part(name, title_result(name), charted, True, False)


def locate_statistics(sections: Sequence[Section], comparison: Comparison | None) -> dict[str, str]:
    """Where on the page each statistic is shown: its name -> the id of a section."""
    shown = dict.fromkeys(comparison.metrics if comparison else (), "numbers")
    shown[FRACTIONS] = "summary"
    shown[CLASSIFIER] = CLASSIFIER
    shown |= {part.name: section.id for section in sections for part in section.parts}
    return shown | dict.fromkeys(comparison.properties if comparison else (), "properties")


def _make_id(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
