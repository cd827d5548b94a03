"""Two-point correlation and lineal path on each plane: tables of errors, and their drawing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray
from study import METRICS

from recon.core import Micrographs, Volume, catalog
from recon.core.data.planes import PLANES
from recon.validation.comparison.compare import compare

INK, GREY = "#1c2330", "#9aa4b2"
COLOURS = {
    "spectral": "#1769d2",
    "fast": "#0e8a9a",
    "gamma-blend": "#d1495b",
    "paper": "#7a4fb5",
    "mcrpy": "#2e8b57",
    "slicegan": "#b8860b",
}
TITLES = {"two-point": "$S_2$", "lineal-path": "$L$"}


def measured(what: Volume | Micrographs, lags: int) -> dict[str, xr.DataArray]:
    """Curves (phase, plane, lag) of both functions."""
    return {
        name: xr.DataArray(
            catalog().build("metric", name, planes=True, max_lag=lags).measure(what)
        ).reindex(plane=list(PLANES))
        for name in METRICS
    }


def errors(
    volumes: Sequence[Volume], against: Micrographs
) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Metric -> plane -> mean error over phases and volumes, its deviation, the sampling error."""
    results: dict[str, dict[str, tuple[float, float, float]]] = {}
    for name, agreement in compare(volumes, against, METRICS).metrics.items():
        each, floor = agreement.errors.mean("phase"), agreement.table["floor"].mean("phase")
        results[name] = {
            str(plane): (
                float(each.sel(plane=plane).mean()),
                _deviation(each.sel(plane=plane).values),
                float(floor.sel(plane=plane)),
            )
            for plane in agreement.errors["plane"].values
        }
    return results


def _deviation(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def draw(
    panels: NDArray[Any],
    samples: dict[str, Sequence[Volume]],
    real: Sequence[Volume],
    micrographs: dict[str, Micrographs],
    phases: Sequence[int],
    lags: int,
) -> None:
    """A row of panels for each function of each phase, a column for each plane.

    samples      sampler -> volumes, drawn as mean and range
    real         real subvolumes, whose range is shaded
    micrographs  "training" and "held out", drawn as black lines
    """
    every = {name: [measured(v, lags) for v in some] for name, some in samples.items()}
    pieces = [measured(piece, lags) for piece in real]
    seen = {name: measured(images, lags) for name, images in micrographs.items()}
    rows = [(phase, metric) for phase in phases for metric in METRICS]
    names = next(iter(micrographs.values())).phases
    for line, (phase, metric) in zip(panels, rows, strict=True):
        for axes, plane in zip(line, PLANES, strict=True):
            at = {"phase": phase, "plane": plane}
            band = np.array([piece[metric].sel(at) for piece in pieces])
            axes.fill_between(
                range(lags + 1), band.min(0), band.max(0), color="#e3e8ef", label="real subvolumes"
            )
            for (name, curve), style in zip(seen.items(), ("-", ":"), strict=False):
                axes.plot(curve[metric].sel(at), style, color=INK, lw=1.3, label=name)
            for name, some in every.items():
                _curves(axes, np.array([one[metric].sel(at) for one in some]), name)
            axes.set_xlim(0, lags)
            axes.set_ylim(bottom=0)
            axes.tick_params(labelsize=7)
            axes.set_title(f"{TITLES[metric]} of {names[phase]}, {plane}", fontsize=8)
    for axes in panels[-1]:
        axes.set_xlabel("lag / voxels", fontsize=8)
    handles, labels = panels[0][0].get_legend_handles_labels()
    panels[0][0].figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False
    )


def _curves(axes: Axes, values: NDArray[np.float64], name: str) -> None:
    colour = COLOURS.get(name, GREY)
    axes.plot(values.mean(0), color=colour, lw=1.2, label=name)
    if len(values) > 1:
        axes.fill_between(
            range(values.shape[1]), values.min(0), values.max(0), color=colour, alpha=0.15, lw=0
        )
