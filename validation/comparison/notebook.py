"""A comparison in a notebook: the verdict with a table, and a figure of its curves."""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from recon.core.errors import ReconError
from recon.validation.classifier.two_sample_test import CLASSIFIER, ClassifierTest
from recon.validation.comparison.agreement import Agreement, name_phase
from recon.validation.comparison.property_agreement import PropertyAgreement
from recon.validation.comparison.verdict import INDISTINGUISHABLE, LEVELS, UNKNOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from recon.validation.comparison.comparison import Comparison

HEADS = ("", "value", "reference", "error", "sampling error")
SIGNS = dict(zip(LEVELS, "✓○≈✕?", strict=True))
PANEL = (3.2, 2.6)  # inches
ABSENT = "–"
SHARED = "padding:2px 10px;text-align:"


def format_html(comparison: "Comparison") -> str:
    """The verdict, and a row for every statistic and constant, worst findings marked."""
    verdict = comparison.verdict
    levels = {f.statistic: f.level for f in reversed(verdict.findings) if f.level in SIGNS}
    rows = [_write_row(HEADS, "th")]
    for agreement in comparison.metrics.values():
        sign = SIGNS[levels.get(agreement.name, INDISTINGUISHABLE)]
        if agreement.sampling_error is None or not agreement.compared.judged:
            sign = SIGNS[UNKNOWN]
        cells = _list_cells(agreement, comparison.phases)
        rows.append(_write_row((f"{sign} {agreement.title}", *cells)))
    if comparison.classifier is not None:
        sign = SIGNS[levels.get(CLASSIFIER, INDISTINGUISHABLE)]
        rows += [
            _write_row((f"{sign} Classifier on {plane}, area under the ROC curve", *cells))
            for plane, cells in _list_areas(comparison.classifier)
        ]
    for one in comparison.properties.values():
        rows += [_write_row(cells) for cells in _list_constants(one)]
    level = f"{SIGNS[verdict.level]} {verdict.level}"
    return (
        f"<div><div><b>{escape(level)}</b></div><div>{escape(verdict.headline)}</div>"
        f'<table style="border-collapse:collapse;margin-top:6px">{"".join(rows)}</table></div>'
    )


def _write_row(cells: tuple[str, ...], tag: str = "td") -> str:
    parts = [
        f'<{tag} style="{SHARED}{"right" if at else "left"}">{escape(cell)}</{tag}>'
        for at, cell in enumerate(cells)
    ]
    return f"<tr>{''.join(parts)}</tr>"


def _list_cells(agreement: Agreement, phases: tuple[str, ...]) -> tuple[str, ...]:
    """Values by phase of a number, the mean over places; none of a curve."""
    means = agreement.headline
    value = reference = ""
    if agreement.axis is None:
        over = ("sample", agreement.over)
        value = _join(agreement.curves.mean(over), phases, agreement.unit)
        reference = _join(agreement.reference.mean(agreement.over), phases, agreement.unit)
    return value, reference, _format(means["error"]), _format(means["floor"])


def _list_areas(test: ClassifierTest) -> Iterator[tuple[str, tuple[str, ...]]]:
    for plane, separation in test.planes.items():
        areas = [
            _format(float(one.mean()), ".2f") for one in (separation.areas, separation.real_areas)
        ]
        yield plane, (*areas, "", "")


def _join(values: xr.DataArray, phases: tuple[str, ...], unit: str) -> str:
    """`pore 0.41, solid 0.59 1/voxel`."""
    named = [
        _format(float(value), ".3g")
        if label < 0
        else f"{name_phase(int(label), phases)} {_format(float(value), '.3g')}"
        for label, value in zip(values["phase"].values, values.values, strict=True)
    ]
    return f"{', '.join(named)} {unit}".strip()


def _list_constants(agreement: PropertyAgreement) -> Iterator[tuple[str, ...]]:
    errors = agreement.errors.mean("sample")
    sampling = agreement.sampling_error.mean("subvolume")
    samples, real = agreement.samples.mean("sample"), agreement.subvolumes.mean("subvolume")
    for at, name in enumerate(agreement.samples["constant"].values):
        unit = str(agreement.samples["units"].values[at]) if "units" in samples.coords else ""
        title = f"{agreement.name} {name}" + (f" ({unit})" if unit else "")
        values = [_format(float(one[at]), ".4g") for one in (samples, real)]
        yield title, *values, _format(float(errors[at])), _format(float(sampling[at]))


def _format(value: float, form: str = ".3f") -> str:
    return format(value, form) if np.isfinite(value) else ABSENT


def draw_curves(comparison: "Comparison") -> "Figure":
    """A figure of every curve: a row a statistic, a column a phase, a colour a place.

    Solid lines are the samples, dashed ones the reference.
    """
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    curves = [one for one in comparison.metrics.values() if one.axis is not None]
    if not curves:
        raise ReconError("nothing to draw: no curves were compared; name more metrics=")
    reference = Line2D([], [], color="k", ls="--", label="reference")
    columns = max(one.curves.sizes["phase"] for one in curves)
    size = (PANEL[0] * columns, PANEL[1] * len(curves))
    figure, grid = plt.subplots(len(curves), columns, figsize=size, squeeze=False)
    figure.set_layout_engine("constrained")
    for row, agreement in zip(grid, curves, strict=True):
        labels = agreement.curves["phase"].values
        for axes, label in zip(row, labels, strict=False):
            _draw_panel(axes, agreement, int(label))
            name = name_phase(int(label), comparison.phases)
            axes.set_title(f"{agreement.title}, {name}", loc="left", fontsize=9)
        for axes in row[len(labels) :]:
            axes.set_axis_off()
        row[0].set_ylabel(" ".join((agreement.compared.symbol, agreement.unit)).strip())
        handles, _ = row[0].get_legend_handles_labels()
        row[0].legend(handles=[*handles, reference], fontsize=8, frameon=False)
    plt.close(figure)  # shown once, as the value of a notebook's cell
    return figure


def _draw_panel(axes: "Axes", agreement: Agreement, label: int) -> None:
    axis = str(agreement.axis)
    for number, where in enumerate(agreement.curves[agreement.over].values):
        at: dict[str, Any] = {"phase": label, agreement.over: where}
        style: dict[str, Any] = {"color": f"C{number}", "lw": 1.2}
        for sample, values in enumerate(agreement.curves.sel(at).values):
            name = str(where) if sample == 0 else None
            axes.plot(agreement.curves[axis].values, values, label=name, **style)
        if where in agreement.reference[agreement.over].values:
            real = agreement.reference.sel(at)
            axes.plot(real[axis].values, real.values, ls="--", **style)
    unit = agreement.curves[axis].attrs.get("units") or ("voxels" if axis == "lag" else "")
    axes.set_xlabel(", ".join(filter(None, (agreement.axis_label, unit))), fontsize=8.5)
    axes.tick_params(labelsize=8)
