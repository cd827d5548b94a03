"""The numbers of the page, as text."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import tomli_w
import xarray as xr
from numpy.typing import NDArray

from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.validation import ensemble
from recon.validation.comparison.agreement import phase_name
from recon.validation.comparison.equivalence import FRACTION, Agreement, Comparison
from recon.validation.comparison.property_agreement import PropertyAgreement
from recon.validation.report.tiles import written

SHORT = 36  # values of a result that are written out


@attrs.frozen
class Headline:
    """Error of one metric beside its floor.

    place  of the error on a bar that ends at 2.5 floors, in per cent; None without a floor
    each   mean over phases by plane or direction: its name, error, floor and ratio
    """

    name: str
    error: str
    floor: str | None
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


def headlines(comparison: Comparison | None) -> list[Headline]:
    """One a metric."""
    found = comparison.metrics.items() if comparison else ()
    return [_headline(agreement) for name, agreement in found if name != FRACTION]


def _headline(agreement: Agreement) -> Headline:
    means = agreement.headline
    by = agreement.table.mean("phase")
    floored, spread = np.isfinite(means["floor"]), np.isfinite(means["spread"])
    return Headline(
        agreement.name,
        number(means["error"]),
        number(means["floor"]) if floored else None,
        number(means["ratio"], 2) if floored else None,
        number(means["spread"], 2) if spread else None,
        float(np.clip(means["ratio"] / BAR * 100, 0, 100)) if floored else None,
        agreement.over,
        []
        if by.sizes[agreement.over] == 1
        else [
            [
                str(where.item()),
                number(float(error)),
                number(float(floor)),
                number(float(error / floor), 2),
            ]
            for where, error, floor in zip(
                by[agreement.over], by["error"], by["floor"], strict=True
            )
        ],
    )


BAR = 2.5


def fractions(volumes: Sequence[Volume], comparison: Comparison | None) -> list[dict[str, Any]]:
    """Volume fraction of each phase: of the samples, of the reference, and the difference."""
    phases = volumes[0].phases
    counts = [np.bincount(volume.labels.ravel(), minlength=len(phases)) for volume in volumes]
    shares = np.sum(counts, axis=0) / np.sum(counts)
    rows = []
    for k, name in enumerate(phases):
        row: dict[str, Any] = {"name": name, "share": 100 * shares[k], "volume": number(shares[k])}
        if comparison is not None:
            real = float(comparison.reference_fractions[k])
            row |= {
                "real": 100 * real,
                "reference": number(real),
                "difference": f"{shares[k] - real:+.3f}".replace("-", MINUS),
                "scatter": _scatter(comparison, k),
            }
        rows.append(row)
    return rows


def _scatter(comparison: Comparison, k: int) -> str:
    """Standard deviation of the volume fraction of real pieces, else of their curves at lag 0."""
    agreement = comparison.metrics.get(FRACTION)
    if agreement is not None and agreement.floor is not None:
        return "± " + number(float(agreement.floor.deviation.sel(phase=k).mean()))
    for agreement in comparison.metrics.values():
        if agreement.floor is not None and agreement.axis == "lag":
            deviation = agreement.floor.deviation.isel(phase=k, lag=0)
            return "± " + number(float(deviation.mean()))
    return ABSENT


MINUS, ABSENT = "\u2212", "\u2013"


def agreements(comparison: Comparison | None) -> list[Table]:
    """Error, floor, ratio and spread by phase and plane or direction."""
    tables = []
    for agreement in comparison.metrics.values() if comparison else ():
        values = agreement.table
        kept = ["error", "floor", "ratio"]
        if np.isfinite(values["spread"]).any():
            kept.append("spread")
        phases = comparison.phases if comparison else ()
        rows = [
            [phase_name(int(phase), phases), str(where)]
            + [number(float(values[key][k, i]), 3 if key in kept[:2] else 2) for key in kept]
            for k, phase in enumerate(values["phase"].values)
            for i, where in enumerate(values[agreement.over].values)
        ]
        tables.append(Table(agreement.name, ["phase", agreement.over, *kept], rows))
    of = comparison.properties.values() if comparison else ()
    return [*tables, *map(_property, of)]


def _property(agreement: PropertyAgreement) -> Table:
    """Constants of the volumes beside those of real pieces; the floor is what these scatter."""
    columns = xr.Dataset(
        {
            "volumes": agreement.samples.mean("sample"),
            "real pieces": agreement.pieces.mean("piece"),
            "difference": agreement.difference,
            "floor": agreement.floor.mean("piece"),
            "spread": agreement.spread,
        }
    )
    forms = {"volumes": "{:.4g}", "real pieces": "{:.4g}", "difference": "{:+.1%}"}
    forms |= {"floor": "{:.1%}", "spread": "{:.2f}"}
    if not np.isfinite(columns["spread"]).any():
        del forms["spread"]
    rows = [
        [str(name), *(_formed(float(columns[key][i]), form) for key, form in forms.items())]
        for i, name in enumerate(agreement.samples["constant"].values)
        if "bound" not in str(name)
    ]
    return Table(agreement.name, ["constant", *forms], rows)


def _formed(value: float, form: str) -> str:
    return form.format(value).replace("-", MINUS) if np.isfinite(value) else ABSENT


def results(measurements: Mapping[str, xr.DataArray | xr.Dataset]) -> list[Table]:
    """Results that are short enough to be written out; curves and fractions have their place.

    Of several samples of a property: mean, scatter and interval of its constants.
    """
    ensembles = ensemble.ensembles(measurements)
    tables = []
    for name, value in measurements.items():
        if name == "volume-fraction":
            continue
        if name in ensembles:
            tables.append(_scattered(name, ensembles[name]))
            members = dict(ensembles[name].sel(statistic="mean"))
        else:
            members = dict(value) if isinstance(value, xr.Dataset) else {"value": value}
        short = {
            str(key): member
            for key, member in members.items()
            if member.size <= SHORT and "lag" not in member.dims
        }
        matrices = {key: member for key, member in short.items() if _is_matrix(member)}
        rows = [
            [with_units(key, member), *_spelled(member)]
            for key, member in short.items()
            if key not in matrices and name not in ensembles
        ]
        if rows:
            tables.append(Table(name, ["quantity", "of", "value"], rows))
        told = [["note", line] for line in value.attrs.get("notes", ())]
        told += [["warning", line] for line in value.attrs.get("warnings", ())]
        if told:
            tables.append(Table(f"{name}: what to know", ["", ""], told))
        mean = ", mean" if name in ensembles else ""
        tables += [
            _matrix(f"{name}: {with_units(key, member)}{mean}", member)
            for key, member in matrices.items()
        ]
    return tables


def _scattered(name: str, found: xr.Dataset) -> Table:
    share = f"samples for ±{100 * found.attrs['within']:g} %"
    heads = ["constant", "mean", "standard deviation", "95 % interval of the mean", share]
    rows = [[c.name, c.mean, c.deviation, c.interval, c.needed] for c in ensemble.constants(found)]
    return Table(f"{name}, {found.attrs['samples']} samples", heads, rows)


def with_units(name: str, member: xr.DataArray) -> str:
    """The name of a result, and its units if it has any."""
    return f"{name} ({member.attrs['units']})" if member.attrs.get("units") else name


def _is_matrix(member: xr.DataArray) -> bool:
    named = all(dim in member.coords for dim in member.dims)
    return member.ndim == 2 and named and "sample" not in member.dims and member.dtype.kind == "f"


def _matrix(name: str, member: xr.DataArray) -> Table:
    first, second = member.dims
    rows = [
        [str(head), *(f"{v:.5g}" for v in row)]
        for head, row in zip(member[first].values, significant(member.values), strict=True)
    ]
    return Table(name, ["", *map(str, member[second].values)], rows)


def significant(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without what is only rounding beside the largest value."""
    largest = np.abs(values).max(initial=0.0)
    return np.where(np.abs(values) < 1e-9 * largest, 0.0, values)


def _spelled(member: xr.DataArray) -> list[str]:
    values = [f"{v:.5g}" if member.dtype.kind == "f" else str(v) for v in member.values.ravel()]
    labels = [
        f"{dim}: " + ", ".join(str(v) for v in member[dim].values) if dim in member.coords else dim
        for dim in map(str, member.dims)
    ]
    return ["; ".join(labels), ", ".join(values)]


def sizes(volumes: Sequence[Volume]) -> str:
    """How many volumes of what size."""
    first = volumes[0]
    count = "1 volume" if len(volumes) == 1 else f"{len(volumes)} volumes"
    voxels = " × ".join(map(str, first.shape))
    lengths = [side * edge for side, edge in zip(first.shape, first.voxel_size, strict=True)]
    if first.voxel_size == (1.0, 1.0, 1.0):
        return f"{count} of {voxels} voxels (z, y, x)"
    spans = [written(length, first.voxel_size).split() for length in lengths]
    return f"{count} of {voxels} voxels (z, y, x), {' × '.join(s[0] for s in spans)} {spans[0][1]}"


def described(reference: Volume | Micrographs | None) -> str | None:
    """What the samples are compared with."""
    if reference is None:
        return None
    if isinstance(reference, Volume):
        return f"a reference volume of {' × '.join(map(str, reference.shape))} voxels"
    count = [f"{len(stack)} {plane}" for plane, stack in reference.planes.items()]
    return f"micrographs: {', '.join(count)} slices"


def toml(provenance: Mapping[str, Any] | None) -> str | None:
    """Provenance as TOML."""
    return tomli_w.dumps(_kept(provenance)) if provenance else None


def _kept(value: Any) -> Any:
    """Without what is None, which TOML cannot say."""
    if isinstance(value, Mapping):
        return {str(key): _kept(item) for key, item in value.items() if item is not None}
    return [_kept(item) for item in value] if isinstance(value, list | tuple) else value


def number(value: float, digits: int = 3) -> str:
    """A number for the page."""
    if np.isnan(value):
        return ABSENT
    return "∞" if np.isinf(value) else f"{value:.{digits}f}"
