"""The numbers of the page, as text."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import tomli_w
import xarray as xr

from recon.core.data.micrographs import Micrographs
from recon.core.data.units import format_voxel_size
from recon.core.data.volume import Volume
from recon.validation.comparison.agreement import Agreement, name_phase
from recon.validation.comparison.comparison import FRACTIONS, Comparison
from recon.validation.comparison.property_agreement import PropertyAgreement
from recon.validation.report.physical import choose_scale
from recon.validation.report.tiles import format_length


@attrs.frozen
class Headline:
    """Error of one statistic beside its sampling error.

    name      its title;  symbol  "S2", or ""
    sampling  the sampling error, None without one
    place     of the error on a bar that ends at 2.5 sampling errors, in per cent
    each      mean over phases by plane or direction: its name, error, sampling error, ratio and the
              limit that the verdict sets to the ratio
    """

    name: str
    symbol: str
    error: str
    sampling: str | None
    ratio: str | None
    spread: str | None
    place: float | None
    over: str
    each: list[list[str]]


@attrs.frozen
class Table:
    """Heads of the columns and rows of text."""

    name: str
    heads: list[str]
    rows: list[list[str]]


def list_headlines(comparison: Comparison | None) -> list[Headline]:
    """One a statistic but phase fractions, which stand in a table of their own."""
    if comparison is None:
        return []
    limits = comparison.verdict.limits
    return [
        _summarize(agreement, limits.get(name, {}))
        for name, agreement in comparison.metrics.items()
        if name != FRACTIONS
    ]


def _summarize(agreement: Agreement, limits: Mapping[str, float]) -> Headline:
    means = agreement.headline
    by = agreement.table.mean("phase")
    known, spread = np.isfinite(means["floor"]), np.isfinite(means["spread"])
    return Headline(
        agreement.title,
        agreement.compared.symbol,
        format_number(means["error"]),
        format_number(means["floor"]) if known else None,
        format_number(means["ratio"], 2) if known else None,
        format_number(means["spread"], 2) if spread else None,
        float(np.clip(means["ratio"] / BAR * 100, 0, 100)) if known else None,
        agreement.over,
        []
        if by.sizes[agreement.over] == 1
        else [
            [
                str(where.item()),
                format_number(float(error)),
                format_number(float(sampling)),
                format_number(float(error / sampling), 2),
                format_number(limits.get(str(where.item()), np.nan), 2),
            ]
            for where, error, sampling in zip(
                by[agreement.over], by["error"], by["floor"], strict=True
            )
        ],
    )


BAR = 2.5


def tabulate_power(comparison: Comparison | None) -> Table | None:
    """Known faults by plane: how often each would be noticed."""
    if comparison is None or not comparison.power:
        return None
    planes = list(dict.fromkeys(one.plane for one in comparison.power))
    rates = {(one.fault, one.amount, one.plane): one.found for one in comparison.power}
    rows = [
        [fault, amount, *(f"{rates[fault, amount, plane]:.0%}" for plane in planes)]
        for fault, amount in dict.fromkeys((one.fault, one.amount) for one in comparison.power)
    ]
    return Table("power", ["fault", "amount", *planes], rows)


def list_fractions(
    volumes: Sequence[Volume], comparison: Comparison | None
) -> list[dict[str, Any]]:
    """Volume fraction of each phase: of the samples, of the reference, and the difference."""
    phases = volumes[0].phases
    counts = [np.bincount(volume.labels.ravel(), minlength=len(phases)) for volume in volumes]
    shares = np.sum(counts, axis=0) / np.sum(counts)
    rows = []
    for k, name in enumerate(phases):
        row: dict[str, Any] = {
            "name": name,
            "share": 100 * shares[k],
            "volume": format_number(shares[k]),
        }
        if comparison is not None:
            real = float(comparison.reference_fractions[k])
            row |= {
                "real": 100 * real,
                "reference": format_number(real),
                "difference": f"{shares[k] - real:+.3f}".replace("-", MINUS),
                "scatter": _find_scatter(comparison, k),
            }
        rows.append(row)
    return rows


def _find_scatter(comparison: Comparison, k: int) -> str:
    """Standard deviation of the phase fraction of real subvolumes.

    Where it was not compared, that of shares of pairs or runs at lag 0, which are the same.
    """
    agreement = comparison.metrics.get(FRACTIONS)
    if agreement is not None and agreement.sampling_error is not None:
        return "± " + format_number(float(agreement.sampling_error.deviation.sel(phase=k).mean()))
    for agreement in comparison.metrics.values():
        shares = agreement.compared.sampling_error == "remainder"
        if shares and agreement.sampling_error is not None:
            deviation = agreement.sampling_error.deviation.isel(phase=k, lag=0)
            return "± " + format_number(float(deviation.mean()))
    return ABSENT


MINUS, ABSENT = "\u2212", "\u2013"
HEADS = {"floor": "sampling error"}
"""Heads of columns that are not called as the values are."""


def tabulate_agreements(comparison: Comparison | None, voxel_size: Sequence[float]) -> list[Table]:
    """Values of numbers, error, sampling error, ratio and spread by phase and place."""
    if comparison is None:
        return []
    phases = comparison.phases
    tables = [_tabulate_agreement(one, phases, voxel_size) for one in comparison.metrics.values()]
    return [*tables, *map(_tabulate_property, comparison.properties.values())]


def _tabulate_agreement(
    agreement: Agreement, phases: tuple[str, ...], voxel_size: Sequence[float]
) -> Table:
    columns, (factor, unit) = agreement.table, choose_scale(agreement.unit, voxel_size)
    forms = {"error": "{:.3f}", "floor": "{:.3f}", "ratio": "{:.2f}", "spread": "{:.2f}"}
    if not np.isfinite(columns["spread"]).any():
        del forms["spread"]
    if agreement.axis is None:
        mean = agreement.curves.mean("sample")
        real = agreement.reference.reindex_like(mean)
        columns = columns.assign(volume=mean * factor, reference=real * factor)
        forms = {"volume": "{:.4g}", "reference": "{:.4g}", **forms}
    rows = [
        [name_phase(int(phase), phases), str(where)]
        + [_format(float(columns[key][k, i]), form) for key, form in forms.items()]
        for k, phase in enumerate(columns["phase"].values)
        for i, where in enumerate(columns[agreement.over].values)
    ]
    title = f"{agreement.title} ({unit})" if unit else agreement.title
    return Table(title, ["phase", agreement.over, *(HEADS.get(key, key) for key in forms)], rows)


def _tabulate_property(agreement: PropertyAgreement) -> Table:
    """Constants of the volumes beside those of real subvolumes."""
    columns = xr.Dataset(
        {
            "volumes": agreement.samples.mean("sample"),
            "real subvolumes": agreement.subvolumes.mean("subvolume"),
            "difference": agreement.difference,
            HEADS["floor"]: agreement.sampling_error.mean("subvolume"),
            "spread": agreement.spread,
        }
    )
    forms = {"volumes": "{:.4g}", "real subvolumes": "{:.4g}", "difference": "{:+.1%}"}
    forms |= {HEADS["floor"]: "{:.1%}", "spread": "{:.2f}"}
    if not np.isfinite(columns["spread"]).any():
        del forms["spread"]
    rows = [
        [str(name), *(_format(float(columns[key][i]), form) for key, form in forms.items())]
        for i, name in enumerate(agreement.samples["constant"].values)
        if "bound" not in str(name)
    ]
    return Table(agreement.name, ["constant", *forms], rows)


def _format(value: float, form: str) -> str:
    if np.isinf(value):
        return "∞"
    return form.format(value).replace("-", MINUS) if np.isfinite(value) else ABSENT


def describe_sizes(volumes: Sequence[Volume]) -> str:
    """How many volumes of what size."""
    first = volumes[0]
    count = "1 volume" if len(volumes) == 1 else f"{len(volumes)} volumes"
    voxels = " × ".join(map(str, first.shape))
    lengths = [side * edge for side, edge in zip(first.shape, first.voxel_size, strict=True)]
    if first.voxel_size == (1.0, 1.0, 1.0):
        return f"{count} of {voxels} voxels (z, y, x)"
    spans = [format_length(length, first.voxel_size).split() for length in lengths]
    return f"{count} of {voxels} voxels (z, y, x), {' × '.join(s[0] for s in spans)} {spans[0][1]}"


def describe_material(volume: Volume) -> str:
    """Phases, and the size of a voxel."""
    phases = f"material of {len(volume.phases)} phases: {', '.join(volume.phases)}"
    known = volume.voxel_size != (1.0, 1.0, 1.0)
    return f"{phases}; voxels of {format_voxel_size(volume.voxel_size)}" if known else phases


def describe_reference(reference: Volume | Micrographs | None) -> str | None:
    """What the samples are compared with."""
    if reference is None:
        return None
    if isinstance(reference, Volume):
        return f"a reference volume of {' × '.join(map(str, reference.shape))} voxels"
    count = [f"{len(stack)} {plane}" for plane, stack in reference.planes.items()]
    return f"micrographs: {', '.join(count)} slices"


def format_provenance(provenance: Mapping[str, Any] | None) -> str | None:
    """Provenance as TOML."""
    return tomli_w.dumps(_drop_none(provenance)) if provenance else None


def _drop_none(value: Any) -> Any:
    """Without what is None, which TOML cannot say."""
    if isinstance(value, Mapping):
        return {str(key): _drop_none(item) for key, item in value.items() if item is not None}
    return [_drop_none(item) for item in value] if isinstance(value, list | tuple) else value


def format_number(value: float, digits: int = 3) -> str:
    """A number for the page."""
    if np.isnan(value):
        return ABSENT
    return "∞" if np.isinf(value) else f"{value:.{digits}f}"
