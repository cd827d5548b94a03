"""Curves over lags: of the samples, of the reference, and the band of real pieces."""

import io
from collections.abc import Sequence
from typing import Any

import attrs
import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recon.core.equivalence import Agreement
from recon.core.report.tiles import data_uri, unit

LIGHT = {"ink": "#1c2330", "faint": "#c9d0da", "volume": "#1769d2", "band": "#9aa5b5"}
DARK = {"ink": "#e3e8ef", "faint": "#465062", "volume": "#6cb2ff", "band": "#8b97a8"}
PANEL = (3.5, 2.5)  # inches
# The reader's fonts; a fixed salt (and no date): the same numbers give the same page.
SVG: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans"],
    "svg.hashsalt": "recon",
}


@attrs.frozen
class Chart:
    """One row of panels for one phase, drawn for a light and for a dark page."""

    phase: int
    light: str
    dark: str
    alt: str


def charts(
    curves: xr.DataArray,
    agreement: Agreement | None,
    voxel_size: Sequence[float],
    phases: Sequence[str],
) -> list[Chart]:
    """One chart a phase.

    curves  (sample, phase, direction or plane, lag); those of the agreement, if there is one
    """
    drawn = []
    for k, name in enumerate(phases):
        light = _svg(_figure(curves, agreement, voxel_size, k))
        dark = light
        for role, colour in LIGHT.items():
            dark = dark.replace(colour, DARK[role])
        said = _said(curves, agreement, k, name)
        sources = [data_uri("image/svg+xml", drawing.encode()) for drawing in (light, dark)]
        drawn.append(Chart(k, sources[0], sources[1], said))
    return drawn


def _said(curves: xr.DataArray, agreement: Agreement | None, k: int, name: str) -> str:
    over = str(curves.dims[2])
    text = f"{curves.name} of phase {name} over the lag, by {over}"
    if agreement is None:
        return text
    errors = agreement.table["error"][k]
    each = (f"{where.item()} {float(e):.3f}" for where, e in zip(errors[over], errors, strict=True))
    return f"{text}, beside the reference; relative error: {', '.join(each)}"


def _figure(
    curves: xr.DataArray,
    agreement: Agreement | None,
    voxel_size: Sequence[float],
    k: int,
) -> Figure:
    over = str(curves.dims[2])
    shown = curves[over].values
    width, height = PANEL[0] * len(shown), PANEL[1]
    figure = Figure(figsize=(width, height))
    # Fixed margins in inches: charts of all phases line up.
    figure.subplots_adjust(
        left=0.4 / width,
        right=1 - 0.1 / width,
        bottom=0.45 / height,
        top=1 - 0.25 / height,
        wspace=0.1,
    )
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for where, axes in zip(shown, panels, strict=True):
        one = curves.isel(phase=k).sel({over: where})
        _panel(axes, one, agreement, {"phase": k, over: where}, voxel_size)
        axes.set_title(f"{over} {where}", loc="left", fontsize=9.5, color=LIGHT["ink"])
    panels[0].legend(
        loc="upper right", fontsize=8, frameon=False, labelcolor=LIGHT["ink"], handlelength=1.6
    )
    return figure


def _panel(
    axes: Axes,
    curves: xr.DataArray,
    agreement: Agreement | None,
    at: dict[str, object],
    voxel_size: Sequence[float],
) -> None:
    step, name = 1.0, "voxels"
    if len(set(voxel_size)) == 1:
        size, name = unit(voxel_size)
        step = voxel_size[0] / size
    lag = curves["lag"].values * step
    known = agreement is not None and at[agreement.over] in agreement.reference[agreement.over]
    if agreement is not None and known:
        index = {"phase": at["phase"]}, {agreement.over: at[agreement.over]}
        floor = agreement.floor
        if floor is not None and at[agreement.over] in floor.curves[agreement.over]:
            pieces = floor.curves.isel(index[0]).sel(index[1]).dropna("piece", how="all")
            low, high = pieces.quantile([0.025, 0.975], "piece").values
            axes.fill_between(
                lag, low, high, color=LIGHT["band"], alpha=0.45, lw=0, label="95 % of real pieces"
            )
        real = agreement.reference.isel(index[0]).sel(index[1]).values
        axes.plot(lag, real, color=LIGHT["ink"], lw=1.3, ls=(0, (4, 2)), label="reference")
    for number, one in enumerate(curves.values):
        axes.plot(
            lag,
            one,
            color=LIGHT["volume"],
            lw=1.7 if len(curves) == 1 else 0.9,
            label=None if number else ("volume" if len(curves) == 1 else "volumes"),
        )
    axes.set_xlim(0, lag[-1])
    axes.set_xlabel(f"lag, {name}", fontsize=8.5, color=LIGHT["ink"])
    axes.tick_params(labelsize=8, colors=LIGHT["ink"], color=LIGHT["faint"])
    axes.grid(color=LIGHT["faint"], lw=0.4, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LIGHT["faint"])


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with mpl.rc_context(SVG):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


def lag_curves(value: xr.DataArray) -> xr.DataArray | None:
    """Measured curves as (sample, phase, direction or plane, lag); None for anything else."""
    if "lag" not in value.dims:
        return None
    others = [dim for dim in value.dims if dim not in ("sample", "phase", "lag")]
    if "phase" not in value.dims or others not in (["direction"], ["plane"]):
        return None
    whole = value if "sample" in value.dims else value.expand_dims("sample")
    curves = whole.transpose("sample", "phase", others[0], "lag")
    return curves if np.isfinite(curves).any() else None
