"""Numbers as box plots, volumes beside real subvolumes: Lee & Yun 2023, Figures 9, 10 and 12."""

from collections.abc import Sequence

import attrs
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from recon.validation.comparison.agreement import Agreement, name_phase
from recon.validation.comparison.property_agreement import PropertyAgreement
from recon.validation.ensemble import DIAGNOSTICS
from recon.validation.report import drawing
from recon.validation.report.drawing import REAL, VOLUME
from recon.validation.report.physical import choose_scale

HEIGHT, MARGIN, EACH = 2.5, 0.75, 0.72  # inches: of a panel, beside its boxes, for a pair of boxes
NARROWEST = 2.2  # inches of a panel
FEWEST = 4  # values that a box is drawn of; fewer are shown as points alone
PLACES = 9  # numbers in one panel
TITLES = {
    "E": "Young's modulus E",
    "nu": "Poisson ratio",
    "G": "shear modulus G",
    "cte": "thermal expansion",
    "relative": "relative diffusivity",
    "tortuosity_factor": "tortuosity factor",
    "volume_fraction": "volume fraction",
}
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class Group:
    """Numbers of one kind, drawn in one panel: E along x, y and z.

    samples  (n, places);  subvolumes  (m, places) of the reference, m may be 0
    """

    name: str
    units: str
    places: list[str]
    samples: Floats
    subvolumes: Floats

    @property
    def is_shown(self) -> bool:
        """Whether there is anything to see: values beside others."""
        some = np.isfinite(self.samples).any() and len(self.places) <= PLACES
        return bool(some and len(self.samples) + len(self.subvolumes) > 1)

    @property
    def title(self) -> str:
        """What the numbers are, in words where they are known; without the metric's name."""
        last = self.name.rpartition(".")[2]
        return TITLES.get(last, last.replace("_", " "))


def draw_panels(groups: Sequence[Group]) -> list[str]:
    """An svg element for each group that has something to show."""
    with drawing.use_settings():
        return [_draw_panel(group) for group in groups if group.is_shown]


def group_constants(agreement: PropertyAgreement) -> list[Group]:
    """Constants of a property, "E x" and "E y" in one panel; bounds are no results."""
    panels: dict[str, list[str]] = {}
    for constant in agreement.samples["constant"].values:
        name = str(constant).partition(" ")[0]
        if "bound" not in name:
            panels.setdefault(name, []).append(str(constant))
    groups = []
    for name, members in panels.items():
        own, real = (
            each.sel(constant=members) for each in (agreement.samples, agreement.subvolumes)
        )
        places = [member.partition(" ")[2] for member in members]
        units = str(own["units"].values[0]) if "units" in own.coords else ""
        groups.append(
            Group(name, units, places, _take_rows(own, "sample"), _take_rows(real, "subvolume"))
        )
    return groups


def group_result(result: xr.Dataset, phases: Sequence[str]) -> list[Group]:
    """Numbers of several samples of a metric or property, by phase, axis or the like."""
    groups = []
    for key, value in result.items():
        dims = [str(dim) for dim in value.dims if dim != "sample"]
        known = len(dims) == 1 and dims[0] in value.coords and value.dtype.kind == "f"
        if not known or str(key) in DIAGNOSTICS or "bound" in str(key):
            continue
        coordinate = value[dims[0]].values
        places = [
            name_phase(k, tuple(phases)) if dims[0] == "phase" else str(k) for k in coordinate
        ]
        own = _take_rows(value, "sample")
        units = str(value.attrs.get("units", ""))
        groups.append(Group(str(key), units, places, own, own[:0]))
    return groups


def group_numbers(
    agreement: Agreement, phases: Sequence[str], voxel_size: Sequence[float]
) -> list[Group]:
    """Numbers of a statistic that is no curve: a panel a phase, or one for all phases."""
    factor, units = choose_scale(agreement.unit, voxel_size)
    own, over, sampling = agreement.curves * factor, agreement.over, agreement.sampling_error
    real = (
        own.isel(sample=slice(0, 0)).rename(sample="subvolume")
        if sampling is None
        else sampling.curves * factor
    )
    real = real.reindex({over: own[over].values})
    named = [name_phase(int(k), tuple(phases)) for k in own["phase"].values]
    if own.sizes[over] == 1:
        each = (own.isel({over: 0}), "sample"), (real.isel({over: 0}), "subvolume")
        return [Group(agreement.name, units, named, *(_take_rows(*one) for one in each))]
    places = [str(where) for where in own[over].values]
    return [
        Group(
            name,
            units,
            places,
            _take_rows(own.isel(phase=k), "sample"),
            _take_rows(real.sel(phase=own["phase"].values[k]), "subvolume"),
        )
        for k, name in enumerate(named)
    ]


def _take_rows(value: xr.DataArray, along: str) -> Floats:
    whole = value if along in value.dims else value.expand_dims(along)
    return np.asarray(whole.transpose(along, ...).values, float)


def _draw_panel(group: Group) -> str:
    figure, axes = drawing.make_figure(max(NARROWEST, MARGIN + EACH * len(group.places)), HEIGHT)
    factor, power = _choose_power(group)
    paired = len(group.subvolumes) > 0
    for at in range(len(group.places)):
        if paired:
            _draw_box(axes, at - 0.19, group.subvolumes[:, at] * factor, REAL)
        _draw_box(axes, at + (0.19 if paired else 0), group.samples[:, at] * factor, VOLUME)
    axes.set_xlim(-0.55, len(group.places) - 0.45)
    drawing.strip_axes(axes)
    axes.grid(False, axis="x")
    axes.set_xticks(range(len(group.places)), group.places)
    axes.ticklabel_format(axis="y", useOffset=False)
    units = " ".join(part for part in (power, group.units) if part)
    title = ", ".join(part for part in (group.title, units) if part)
    drawing.set_title(axes, title, x=-0.08)
    return drawing.render_svg(figure, _describe(group))


def _draw_box(axes: Axes, at: float, values: Floats, colour: str) -> None:
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
    size = 12 if len(values) > 1 else 30
    axes.scatter(at + aside, values, s=size, color=colour, alpha=0.65, lw=0, zorder=3)


def _choose_power(group: Group) -> tuple[float, str]:
    """Factor that makes very small or large values readable, and the power to write."""
    values = np.abs(np.concatenate([group.samples, group.subvolumes]))
    largest = values[np.isfinite(values)].max(initial=0)
    if largest == 0 or 1e-3 <= largest < 1e5:
        return 1.0, ""
    power = 3 * int(np.floor(np.log10(largest) / 3))
    return 10.0**-power, f"10{str(power).translate(SUPERSCRIPT)}"


def _describe(group: Group) -> str:
    parts = []
    for at, place in enumerate(group.places):
        text = f"{place}: volumes {_format_median(group.samples[:, at])}".removeprefix(": ")
        if len(group.subvolumes):
            text += f", real subvolumes {_format_median(group.subvolumes[:, at])}"
        parts.append(text)
    units = f" in {group.units}" if group.units else ""
    return f"Box plot of {group.title}{units}; medians: {'; '.join(parts)}"


def _format_median(values: Floats) -> str:
    finite = values[np.isfinite(values)]
    return f"{np.median(finite):.4g}" if len(finite) else "none"
