"""Curves over lags: of the samples, of the reference, and the band of real pieces."""

from collections.abc import Sequence

import attrs
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from recon.core.equivalence import Agreement
from recon.core.report import drawing
from recon.core.report.drawing import INK, REAL, VOLUME
from recon.core.report.tiles import unit

PANEL = (3.5, 2.5)  # inches
WHOLE = "whole"  # dim of curves of the whole sample, which have no direction


@attrs.frozen
class Chart:
    """Panels of one phase, an svg element a direction or plane, with one vertical scale."""

    phase: int
    panels: list[str]


def charts(
    curves: xr.DataArray,
    agreement: Agreement | None,
    voxel_size: Sequence[float],
    phases: Sequence[str],
) -> list[Chart]:
    """One chart a phase that has curves.

    curves  (sample, phase, direction or plane, lag or another axis); those of the agreement, if
            there is one
    """
    finite = curves.astype(float).notnull().any([d for d in curves.dims if d != "phase"])
    known = np.flatnonzero(finite.values).tolist()
    with drawing.settings():
        return [Chart(k, _panels(curves, agreement, voxel_size, k, phases[k])) for k in known]


def _panels(
    curves: xr.DataArray,
    agreement: Agreement | None,
    voxel_size: Sequence[float],
    k: int,
    name: str,
) -> list[str]:
    over = str(curves.dims[2])
    figures: list[tuple[Figure, Axes, str]] = []
    for where in curves[over].values:
        figure, axes = drawing.sized(*PANEL)
        one = curves.isel(phase=k).sel({over: where})
        _panel(axes, one, agreement, {"phase": k, over: where}, voxel_size)
        title = "" if over == WHOLE else f"{over} {where}"
        axes.set_title(title, loc="left", fontsize=9.5, color=INK)
        figures.append((figure, axes, _said(curves, agreement, k, name, where)))
    limits = [axes.get_ylim() for _, axes, _ in figures]
    for _, axes, _ in figures:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    drawing.legend(figures[0][1], loc="upper right")
    return [drawing.svg(figure, said) for figure, _, said in figures]


def _said(
    curves: xr.DataArray, agreement: Agreement | None, k: int, name: str, where: object
) -> str:
    over, axis = map(str, curves.dims[2:])
    by = "" if over == WHOLE else f", {over} {where}"
    text = f"{curves.name} of phase {name} over the {axis}{by}"
    if agreement is None or where not in agreement.reference[over]:
        return text
    error = float(agreement.table["error"][k].sel({over: where}))
    return f"{text}, beside the reference; relative error {error:.3f}"


def _panel(
    axes: Axes,
    curves: xr.DataArray,
    agreement: Agreement | None,
    at: dict[str, object],
    voxel_size: Sequence[float],
) -> None:
    axis = str(curves.dims[-1])
    lag, name = _scaled(curves[axis], voxel_size)
    if agreement is not None:
        _real(axes, lag, agreement, at)
    for number, one in enumerate(curves.values):
        axes.plot(
            lag,
            one,
            color=VOLUME,
            lw=1.7 if len(curves) == 1 else 0.9,
            label=None if number else ("volume" if len(curves) == 1 else "volumes"),
        )
    axes.set_xlim(min(0, lag[0]), lag[-1])
    axes.set_xlabel(f"{axis}, {name}" if name else axis, fontsize=8.5, color=INK)
    drawing.plain(axes)


def _real(
    axes: Axes, lag: NDArray[np.float64], agreement: Agreement, at: dict[str, object]
) -> None:
    """The reference and the band of its pieces, where it has this direction or plane."""
    over = agreement.over
    index = {"phase": at["phase"]}, {over: at[over]}
    floor = agreement.floor
    if floor is not None and at[over] in floor.curves[over]:
        pieces = floor.curves.isel(index[0]).sel(index[1]).dropna("piece", how="all")
        low, high = pieces.quantile([0.025, 0.975], "piece").values
        axes.fill_between(lag, low, high, color=REAL, alpha=0.4, lw=0, label="95 % of real pieces")
    if at[over] in agreement.reference[over]:
        real = agreement.reference.isel(index[0]).sel(index[1]).values
        axes.plot(lag, real, color=INK, lw=1.3, ls=(0, (4, 2)), label="reference")


def _scaled(axis: xr.DataArray, voxel_size: Sequence[float]) -> tuple[NDArray[np.float64], str]:
    """Values along the horizontal axis and their unit; lags are in voxels."""
    values = axis.values.astype(float)
    if axis.name != "lag":
        return values, str(axis.attrs.get("units", ""))
    if len(set(voxel_size)) > 1:
        return values, "voxels"
    size, name = unit(voxel_size)
    return values * voxel_size[0] / size, name


def lag_curves(value: xr.DataArray) -> xr.DataArray | None:
    """Measured curves as (sample, phase, direction or plane, axis); None for anything else.

    A curve of the whole sample, which has no direction, gets a third dim WHOLE of one entry.
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
        curves, over = curves.expand_dims({WHOLE: ["all"]}), [WHOLE]
    curves = curves.transpose("sample", "phase", over[0], numeric[0])
    return curves if np.isfinite(curves).any() else None
