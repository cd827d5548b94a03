"""The figure of a sweep: error over the first varied value, a line for each of the others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from recon.validation.comparison.comparison import FRACTIONS
from recon.workflow.sweep.combinations import Sweep
from recon.workflow.sweep.table import list_statistics

INK, FAINT = "#1c2330", "#c9d0da"
COLOURS = ("#1769d2", "#d1495b", "#2e8b57", "#b8860b", "#7a4fb5", "#0e8a9a", "#555e6b")
MARKERS = "osD^vP"
PANEL = (3.2, 2.7)  # inches
WIDE_RANGE = 20
"""Largest over smallest value from which an axis is logarithmic."""


@attrs.frozen
class Quantity:
    """A column to draw, that of its sampling error, and that of its error bars; "" for none."""

    title: str
    axis: str
    value: str
    floor: str = ""
    deviation: str = ""


def draw(sweep: Sweep, rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the figure as PNG: a row a metric, the mean over planes first and then each plane.

    As in Lee & Yun 2023, Figure 6. Without a reference: phase fractions. Rows of combinations
    that failed may be missing.
    """
    grid = _list_quantities(sweep, rows)
    height, width = len(grid), max(map(len, grid))
    figure = Figure(figsize=(PANEL[0] * width, PANEL[1] * height + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(height, width, squeeze=False, sharey="row")
    for line, quantities in zip(panels, grid, strict=True):
        for axes, quantity in zip(line, quantities, strict=False):
            _draw_panel(axes, sweep, rows, quantity)
        for axes in line[len(quantities) :]:
            axes.set_axis_off()
        line[0].set_ylabel(quantities[0].axis, fontsize=8.5, color=INK)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    figure.savefig(path, format="png", dpi=150)


def _list_quantities(sweep: Sweep, rows: Sequence[dict[str, Any]]) -> list[list[Quantity]]:
    """What the panels show, row by row."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    grid = []
    for metric in list_statistics(sweep, columns):
        head = f"{metric}.error"
        mean = Quantity(
            f"{metric}, mean of planes",
            "relative error",
            head,
            f"{metric}.floor",
            f"{metric}.deviation",
        )
        planes = [key.rpartition(".")[2] for key in columns if key.startswith(f"{head}.")]
        each = [
            Quantity(f"{metric}, {p}", "", f"{head}.{p}", f"{metric}.floor.{p}") for p in planes
        ]
        grid.append([mean, *each])
    if grid:
        return grid
    shares = [key for key in columns if key.startswith(FRACTIONS)]
    return [[Quantity(key[len(FRACTIONS) + 1 :], "volume fraction", key) for key in shares]]


def _draw_panel(
    axes: Axes, sweep: Sweep, rows: Sequence[dict[str, Any]], quantity: Quantity
) -> None:
    first, *others = sweep.vary
    along = _place_values(axes, sweep, first)
    floors = {row.get(quantity.floor) for row in rows} - {None}
    for number, (label, group) in enumerate(_group_lines(sweep, rows, others).items()):
        group = sorted(group, key=lambda row: along[sweep.format_value(first, row[first])])
        x = [along[sweep.format_value(first, row[first])] for row in group]
        colour = COLOURS[number % len(COLOURS)]
        marker = MARKERS[(number // len(COLOURS) + number) % len(MARKERS)]
        style: dict[str, Any] = {
            "color": colour,
            "marker": marker,
            "ms": 4.5,
            "lw": 1.4,
            "label": label or None,
        }
        bars = _collect_numbers(group, quantity.deviation)
        axes.errorbar(x, _collect_numbers(group, quantity.value), yerr=bars, capsize=2, **style)
        if len(floors) > 1:
            axes.plot(
                x, _collect_numbers(group, quantity.floor), color=colour, lw=0.9, ls=(0, (4, 2))
            )
    if floors:
        mean = float(np.mean(list(floors)))
        place = mean if len(floors) == 1 else np.nan
        axes.axhline(place, color=INK, lw=1.1, ls=(0, (4, 2)), label="sampling error")
        axes.set_ylim(bottom=0)
    axes.set_title(quantity.title, loc="left", fontsize=9.5, color=INK)
    axes.set_xlabel(sweep.short[first], fontsize=8.5, color=INK)
    axes.tick_params(labelsize=8, colors=INK, color=FAINT)
    axes.grid(color=FAINT, lw=0.4, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)


def _place_values(axes: Axes, sweep: Sweep, key: str) -> dict[str, float]:
    """Where each value lies on the axis: numbers at their place, anything else side by side."""
    values = sweep.vary[key]
    names = [sweep.format_value(key, value) for value in values]
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    places = [float(v) for v in values] if numeric else [float(i) for i in range(len(values))]
    if numeric and min(places) > 0 and max(places) / min(places) >= WIDE_RANGE:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(places, names)
    return dict(zip(names, places, strict=True))


def _group_lines(
    sweep: Sweep, rows: Sequence[dict[str, Any]], others: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Rows by what they have in common beside the first varied value."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        label = ", ".join(
            f"{sweep.short[key]} = {sweep.format_value(key, row[key])}" for key in others
        )
        lines.setdefault(label, []).append(row)
    return lines


def _collect_numbers(rows: Sequence[dict[str, Any]], column: str) -> list[float]:
    values = [row.get(column) for row in rows]
    return [np.nan if value is None else float(value) for value in values]
