"""Curves of several runs in one figure, beside the reference and the band of real subvolumes."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recon.validation.comparison.agreement import Agreement
from recon.validation.report import drawing
from recon.validation.report.curves import ALL, PANEL, Chart, Curves, draw_real
from recon.validation.report.drawing import INK, SERIES


def draw_overlay(
    agreements: Mapping[str, Agreement], voxel_size: Sequence[float], phases: Sequence[str]
) -> list[Chart]:
    """One chart a phase: a panel a plane or direction, a line a run (the mean of its volumes).

    agreements  of one statistic, by the name of the run; reference and band are the first one's
    """
    each = {name: Curves.compared(one, voxel_size, phases) for name, one in agreements.items()}
    first = next(iter(each.values()))
    values = first.values
    finite = values.astype(float).notnull().any([d for d in values.dims if d != "phase"])
    with drawing.use_settings():
        return [
            Chart(int(k) if k >= 0 else None, _draw_panels(each, first, int(k)))
            for k in values["phase"].values[finite.values]
        ]


def _draw_panels(each: Mapping[str, Curves], first: Curves, k: int) -> list[str]:
    figures: list[tuple[Figure, Axes, str]] = []
    for where in first.values[first.over].values:
        at = {"phase": k, first.over: where}
        figure, axes = drawing.make_figure(*PANEL)
        _draw_panel(axes, each, first, at)
        drawing.set_title(axes, "" if where == ALL else f"{first.over} {where}")
        figures.append((figure, axes, _describe(each, first, at)))
    limits = [axes.get_ylim() for _, axes, _ in figures]
    for _, axes, _ in figures:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    drawing.add_legend(figures[0][1], loc="upper right")
    return [drawing.render_svg(figure, alt) for figure, _, alt in figures]


def _draw_panel(
    axes: Axes, each: Mapping[str, Curves], first: Curves, at: dict[str, object]
) -> None:
    assert first.agreement is not None
    factor, label = first.vertical
    axes.set_ylabel(label, fontsize=8.5, color=INK)
    draw_real(axes, first, first.agreement, at)
    ends = []
    for (name, curves), colour in zip(each.items(), SERIES, strict=False):
        if at[curves.over] not in curves.values[curves.over]:
            continue
        own = curves.values.sel(at).mean("sample") * factor
        along, unit = curves.horizontal(own[str(own.dims[-1])])
        axes.plot(along, own.values, color=colour, lw=1.5, label=name)
        ends.append((along[0], along[-1]))
    axes.set_xlim(min(0, *(low for low, _ in ends)), max(high for _, high in ends))
    axes.set_xlabel(f"{first.axis}, {unit}" if unit else first.axis, fontsize=8.5, color=INK)
    drawing.strip_axes(axes)


def _describe(each: Mapping[str, Curves], first: Curves, at: dict[str, object]) -> str:
    """Name of the statistic and place, and every run's error."""
    where = at[first.over]
    by = "" if where == ALL else f", {first.over} {where}"
    errors = []
    for name, curves in each.items():
        if curves.errors is not None and where in curves.errors[curves.over]:
            errors.append(f"{name} {float(curves.errors.sel(at)):.3f}")
    text = f"{first.name}{first.of(int(str(at['phase'])))} over the {first.axis}{by}"
    return f"{text}, beside the reference; relative errors: {', '.join(errors)}"
