"""Curves over lags: of the samples, of the reference, and the band of real subvolumes."""

from collections.abc import Sequence

import attrs
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from recon.validation.comparison.agreement import Agreement
from recon.validation.report import drawing
from recon.validation.report.drawing import INK, REAL, VOLUME
from recon.validation.report.physical import choose_scale
from recon.validation.report.tiles import choose_unit

PANEL = (3.5, 2.5)  # inches
ALL = "all"  # the direction of curves of the whole sample, which have none
VOXELS = ("lag", "length", "thickness")  # dims that are counted in voxels


@attrs.frozen
class Chart:
    """Panels, an svg element each; of one phase, or of phases by themselves when it is None."""

    phase: int | None
    panels: list[str]


@attrs.frozen(eq=False)
class Curves:
    """What one section draws.

    values      (sample, phase, direction or plane, lag or another axis)
    agreement   the same beside the reference;  errors  its mean over the samples
    axis        what the horizontal axis is called
    """

    name: str
    values: xr.DataArray
    agreement: Agreement | None
    errors: xr.DataArray | None
    axis: str
    voxel_size: Sequence[float]
    phases: Sequence[str]

    @classmethod
    def compared(
        cls, agreement: Agreement, voxel_size: Sequence[float], phases: Sequence[str]
    ) -> "Curves":
        """Those of an agreement whose statistic is a curve."""
        errors = agreement.errors.mean("sample")
        label = agreement.axis_label
        name, values = agreement.title, agreement.curves
        return cls(name, values, agreement, errors, label, voxel_size, phases)

    @classmethod
    def measured(
        cls, name: str, values: xr.DataArray, voxel_size: Sequence[float], phases: Sequence[str]
    ) -> "Curves":
        """Those of the samples alone."""
        return cls(name, values, None, None, str(values.dims[-1]), voxel_size, phases)

    @property
    def vertical(self) -> tuple[float, str]:
        """Factor to the values, and what the vertical axis is called."""
        known = self.agreement
        unit = known.unit if known else str(self.values.attrs.get("units", ""))
        factor, unit = choose_scale(unit, self.voxel_size)
        variable = known.name.partition(".")[2].replace("_", " ") if known else ""
        symbol = known.compared.symbol if known else ""
        return factor, ", ".join(filter(None, (symbol or variable or "value", unit)))

    @property
    def over(self) -> str:
        """What tells the curves apart beside the phase."""
        return str(self.values.dims[2])

    def of(self, phase: int) -> str:
        """The name of a phase; nothing for a statistic of all of them."""
        return "" if phase < 0 else f" of phase {self.phases[phase]}"

    def horizontal(self, along: xr.DataArray) -> tuple[NDArray[np.float64], str]:
        """Places along the horizontal axis and their unit."""
        values = along.values.astype(float)
        if along.name not in VOXELS:
            return values, str(along.attrs.get("units", ""))
        if len(set(self.voxel_size)) > 1:
            return values, "voxels"
        size, name = choose_unit(self.voxel_size)
        return values * self.voxel_size[0] / size, name


def draw_charts(curves: Curves) -> list[Chart]:
    """One chart a phase that has curves."""
    values = curves.values
    finite = values.astype(float).notnull().any([d for d in values.dims if d != "phase"])
    with drawing.use_settings():
        return [
            Chart(int(k) if k >= 0 else None, _draw_panels(curves, int(k)))
            for k in values["phase"].values[finite.values]
        ]


def _draw_panels(curves: Curves, k: int) -> list[str]:
    over = curves.over
    figures: list[tuple[Figure, Axes, str]] = []
    for where in curves.values[over].values:
        figure, axes = drawing.make_figure(*PANEL)
        _draw_panel(axes, curves, {"phase": k, over: where})
        drawing.set_title(axes, "" if where == ALL else f"{over} {where}")
        figures.append((figure, axes, _describe(curves, k, where)))
    limits = [axes.get_ylim() for _, axes, _ in figures]
    for _, axes, _ in figures:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    drawing.add_legend(figures[0][1], loc="upper right")
    return [drawing.render_svg(figure, alt) for figure, _, alt in figures]


def _describe(curves: Curves, k: int, where: object) -> str:
    over = curves.over
    by = "" if where == ALL else f", {over} {where}"
    text = f"{curves.name}{curves.of(k)} over the {curves.axis}{by}"
    if curves.errors is None or where not in curves.errors[over]:
        return text
    error = float(curves.errors.sel({"phase": k, over: where}))
    return f"{text}, beside the reference; relative error {error:.3f}"


def _draw_panel(axes: Axes, curves: Curves, at: dict[str, object]) -> None:
    factor, label = curves.vertical
    own = curves.values.sel(at) * factor
    axes.set_ylabel(label, fontsize=8.5, color=INK)
    along, unit_name = curves.horizontal(own[str(own.dims[-1])])
    if curves.agreement is not None:
        draw_real(axes, curves, curves.agreement, at)
    for number, one in enumerate(own.values):
        axes.plot(
            along,
            one,
            color=VOLUME,
            lw=1.7 if len(own) == 1 else 0.9,
            label=None if number else ("volume" if len(own) == 1 else "volumes"),
        )
    axes.set_xlim(min(0, along[0]), along[-1])
    label = f"{curves.axis}, {unit_name}" if unit_name else curves.axis
    axes.set_xlabel(label, fontsize=8.5, color=INK)
    drawing.strip_axes(axes)


def draw_real(axes: Axes, curves: Curves, agreement: Agreement, at: dict[str, object]) -> None:
    """The reference and the band of its subvolumes, where it has this direction or plane."""
    factor, _ = curves.vertical
    over, sampling = agreement.over, agreement.sampling_error
    axis = str(agreement.curves.dims[-1])
    if sampling is not None and at[over] in sampling.curves[over]:
        subvolumes = (
            sampling.curves.sel(at).transpose("subvolume", axis).dropna("subvolume", how="all")
        ).dropna(axis, how="all")
        low, high = subvolumes.quantile([0.025, 0.975], "subvolume").values * factor
        along, _ = curves.horizontal(subvolumes[axis])
        axes.fill_between(
            along, low, high, color=REAL, alpha=0.4, lw=0, label="95 % of real subvolumes"
        )
    if at[over] in agreement.reference[over]:
        real = agreement.reference.sel(at)
        along, _ = curves.horizontal(real[axis])
        axes.plot(along, real.values * factor, color=INK, lw=1.3, ls=(0, (4, 2)), label="reference")


def select_curves(value: xr.DataArray) -> xr.DataArray | None:
    """Measured curves as (sample, phase, direction or plane, axis); None for anything else.

    A curve of the whole sample has the one direction ALL.
    """
    others = [str(dim) for dim in value.dims if dim not in ("sample", "phase")]
    numeric = [dim for dim in others if dim in value.coords and value[dim].dtype.kind in "iuf"]
    if "phase" not in value.dims or len(numeric) != 1 or len(others) > 2:
        return None
    if value.sizes[numeric[0]] < 3:
        return None
    over = [dim for dim in others if dim != numeric[0]]
    curves = value if "sample" in value.dims else value.expand_dims("sample")
    if not over:
        curves, over = curves.expand_dims(direction=[ALL]), ["direction"]
    curves = curves.transpose("sample", "phase", over[0], numeric[0])
    return curves if np.isfinite(curves).any() else None
