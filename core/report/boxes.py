"""Properties as box plots, volumes beside real pieces: Lee & Yun 2023, Figures 9, 10 and 12."""

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from recon.core.ensemble import DIAGNOSTICS
from recon.core.report import drawing
from recon.core.report.drawing import INK, REAL, VOLUME

HEIGHT, MARGIN, EACH = 2.5, 0.75, 0.72  # inches: of a panel, beside its boxes, for a pair of boxes
FEWEST = 4  # values that a box is drawn of; fewer are shown as points alone
PLACES = 9  # constants in one panel
TITLES = {
    "E": "Young's modulus E",
    "nu": "Poisson ratio",
    "G": "shear modulus G",
    "cte": "thermal expansion",
    "relative": "relative diffusivity",
    "tortuosity_factor": "tortuosity factor",
}
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@attrs.frozen(eq=False)
class Group:
    """Constants of one kind: E along x, y and z.

    samples  (n, places);  pieces  (m, places) of the reference, m may be 0
    """

    name: str
    units: str
    places: list[str]
    samples: NDArray[np.float64]
    pieces: NDArray[np.float64]


@attrs.frozen
class Boxes:
    """Panels of one property, an svg element each."""

    name: str
    panels: list[str]


def boxes(
    measurements: Mapping[str, xr.DataArray | xr.Dataset], properties: Mapping[str, Any]
) -> list[Boxes]:
    """Panels of every property that has values beside others: of several volumes, or of pieces.

    measurements  results by name, with a dim `sample` when there are several volumes
    properties    name -> samples and pieces, datasets with a dim `sample` or `piece`
    """
    found = []
    for name, value in measurements.items():
        if not isinstance(value, xr.Dataset):
            continue
        pieces = properties[name].pieces if name in properties else None
        groups = list(_groups(value, pieces))
        with drawing.settings():
            panels = [_panel(group) for group in groups]
        if panels:
            found.append(Boxes(name, panels))
    return found


def _groups(samples: xr.Dataset, pieces: xr.Dataset | None) -> list[Group]:
    """Constants that are few, and that are not bounds or about the solution."""
    found = []
    for key, value in samples.items():
        name = str(key)
        dims = [str(dim) for dim in value.dims if dim != "sample"]
        if name in DIAGNOSTICS or "bound" in name or value.dtype.kind != "f" or len(dims) != 1:
            continue
        places = [str(v) for v in value[dims[0]].values]
        own = _rows(value, "sample", dims[0])
        real = (
            _rows(pieces[name], "piece", dims[0])
            if pieces is not None and name in pieces
            else own[:0]
        )
        told = np.isfinite(own).any() and len(own) + len(real) > 1
        if dims[0] in value.coords and len(places) <= PLACES and told:
            found.append(Group(name, str(value.attrs.get("units", "")), places, own, real))
    return found


def _rows(value: xr.DataArray, along: str, over: str) -> NDArray[np.float64]:
    whole = value if along in value.dims else value.expand_dims(along)
    return np.asarray(whole.transpose(along, over).values, float)


def _panel(group: Group) -> str:
    figure, axes = drawing.sized(MARGIN + EACH * len(group.places), HEIGHT)
    factor, power = _power(group)
    paired = len(group.pieces) > 0
    for at in range(len(group.places)):
        if paired:
            _box(axes, at - 0.19, group.pieces[:, at] * factor, REAL)
        _box(axes, at + (0.19 if paired else 0), group.samples[:, at] * factor, VOLUME)
    axes.set_xlim(-0.55, len(group.places) - 0.45)
    drawing.plain(axes)
    axes.grid(False, axis="x")
    axes.set_xticks(range(len(group.places)), group.places)
    axes.ticklabel_format(axis="y", useOffset=False)
    unit = " ".join(part for part in (power, group.units) if part)
    title = TITLES.get(group.name, group.name)
    axes.set_title(
        f"{title}, {unit}" if unit else title, loc="left", fontsize=9.5, color=INK, x=-0.08
    )
    return drawing.svg(figure, _said(group))


def _box(axes: Axes, at: float, values: NDArray[np.float64], colour: str) -> None:
    """Median, quartiles and whiskers to 1.5 of their distance, with every value as a point."""
    values = values[np.isfinite(values)]
    if len(values) >= FEWEST:
        line = {"color": colour, "lw": 1.1}
        axes.boxplot(
            values,
            positions=[at],
            widths=0.3,
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": "none", "edgecolor": colour, "lw": 1.1},
            whiskerprops=line,
            capprops=line,
            medianprops={"color": colour, "lw": 2},
            manage_ticks=False,
        )
    # Aside by the golden ratio: neighbours in order do not hide each other.
    aside = (np.arange(len(values)) * 0.618 % 1 - 0.5) * (0.2 if len(values) > 1 else 0)
    axes.scatter(at + aside, values, s=9 if len(values) > 1 else 26, color=colour, alpha=0.55, lw=0)


def _power(group: Group) -> tuple[float, str]:
    """Factor that makes very small or large values readable, and the power to write."""
    values = np.abs(np.concatenate([group.samples, group.pieces]))
    largest = values[np.isfinite(values)].max(initial=0)
    if largest == 0 or 1e-3 <= largest < 1e5:
        return 1.0, ""
    power = 3 * int(np.floor(np.log10(largest) / 3))
    return 10.0**-power, f"10{str(power).translate(SUPERSCRIPT)}"


def _said(group: Group) -> str:
    parts = []
    for at, place in enumerate(group.places):
        text = f"{place}: volumes {_median(group.samples[:, at])}"
        if len(group.pieces):
            text += f", real pieces {_median(group.pieces[:, at])}"
        parts.append(text)
    unit = f" in {group.units}" if group.units else ""
    return f"Box plot of {TITLES.get(group.name, group.name)}{unit}; medians: {'; '.join(parts)}"


def _median(values: NDArray[np.float64]) -> str:
    finite = values[np.isfinite(values)]
    return f"{np.median(finite):.4g}" if len(finite) else "none"
