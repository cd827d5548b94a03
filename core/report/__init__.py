"""report.html: one page that opens offline and says how far to trust a volume."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import jinja2
import xarray as xr

from recon.core.atomic import whole
from recon.core.equivalence import Comparison
from recon.core.floor import ESTIMATED
from recon.core.micrographs import Micrographs
from recon.core.report import numbers
from recon.core.report.boxes import boxes
from recon.core.report.curves import Chart, charts, lag_curves
from recon.core.report.judgement import judgement
from recon.core.report.solids import solids
from recon.core.report.tiles import colours, gallery
from recon.core.report.viewer import viewer
from recon.core.volume import Volume

HERE = Path(__file__).parent

Checks = Sequence[str] | Mapping[str, str | Sequence[str]]


def write_report(
    path: str | Path,
    volumes: Sequence[Volume],
    measurements: Mapping[str, xr.DataArray | xr.Dataset],
    reference: Volume | Micrographs | None = None,
    comparison: Comparison | None = None,
    provenance: Mapping[str, Any] | None = None,
    checks: Checks = (),
) -> None:
    """Write one HTML file: verdict, slices, curves, numbers, provenance; replaces an older one.

    volumes       of one shape
    measurements  results by name, with a dim `sample` when there are several volumes
    reference     what they were compared with;  comparison  how (core.equivalence.compare)
    provenance    that of the first volume when not given
    checks        sentences on further checks, or title -> sentence or sentences
    """
    page = rendered(volumes, measurements, reference, comparison, provenance, checks)
    with whole(Path(path), replace=True) as partial:
        partial.write_text(page, encoding="utf-8")


def rendered(
    volumes: Sequence[Volume],
    measurements: Mapping[str, xr.DataArray | xr.Dataset],
    reference: Volume | Micrographs | None = None,
    comparison: Comparison | None = None,
    provenance: Mapping[str, Any] | None = None,
    checks: Checks = (),
) -> str:
    """The page."""
    first = volumes[0]
    made = first.provenance if provenance is None else provenance
    template = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    ).from_string(_asset("page.html"))
    sections = _sections(volumes, measurements, comparison)
    properties = getattr(comparison, "properties", None) or {}
    parts = {
        "boxes": boxes(measurements, properties),
        "checks": _titled(checks),
        "agreements": numbers.agreements(comparison),
        "results": numbers.results(measurements),
        "provenance": numbers.toml(made),
    }
    return template.render(
        style=_asset("page.css"),
        script=_asset("viewer.js"),
        size=numbers.sizes(volumes),
        against=numbers.described(reference),
        verdict=judgement(comparison, _places(sections, comparison, properties)),
        contents=_contents(sections, parts),
        estimated=comparison is not None and comparison.kind == "micrographs",
        real="micrographs" if isinstance(reference, Micrographs) else "reference volume",
        compared=comparison is not None,
        paired=bool(properties),
        samples=len(volumes),
        colours=colours(len(first.phases)),
        phases=first.phases,
        headlines=numbers.headlines(comparison),
        floor_place=100 / numbers.BAR,
        fractions=numbers.fractions(volumes, comparison),
        gallery=gallery(volumes, reference),
        viewer=viewer(volumes, reference),
        solids=solids(volumes, reference),
        sections=sections,
        notes=_notes(comparison),
        **parts,
    )


def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


@attrs.frozen
class Section:
    """Charts of one statistic."""

    id: str
    name: str
    charts: list[Chart]


def _sections(
    volumes: Sequence[Volume],
    measurements: Mapping[str, xr.DataArray | xr.Dataset],
    comparison: Comparison | None,
) -> list[Section]:
    """Charts by metric: those compared with the reference, and other measured curves."""
    first = volumes[0]
    compared = comparison.metrics if comparison else {}
    curves = {name: agreement.curves for name, agreement in compared.items()}
    for name, value in measurements.items():
        members = value.items() if isinstance(value, xr.Dataset) else [(None, value)]
        for key, member in members:
            title, found = name if key is None else f"{name}: {key}", lag_curves(member)
            if title not in curves and found is not None:
                curves[title] = found.rename(title)
    return [
        Section(
            re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"),
            name,
            charts(found, compared.get(name), first.voxel_size, first.phases),
        )
        for name, found in curves.items()
    ]


def _places(
    sections: Sequence[Section], comparison: Comparison | None, properties: Mapping[str, Any]
) -> dict[str, str]:
    """Where on the page each statistic is shown: its name -> the id of a section."""
    places = {"volume-fraction": "summary"}
    places |= dict.fromkeys(comparison.metrics if comparison else (), "numbers")
    places |= {section.name: section.id for section in sections}
    return places | dict.fromkeys(properties, "properties")


def _contents(sections: Sequence[Section], parts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Id and name of what stands below the summary."""
    found = [("slices", "Slices"), ("solids", "In three dimensions")]
    found += [(section.id, section.name) for section in sections]
    named = {"boxes": ("properties", "Properties"), "checks": ("checks", "Checks")}
    found += [place for key, place in named.items() if parts[key]]
    if parts["agreements"] or parts["results"]:
        found.append(("numbers", "Numbers"))
    return found + ([("provenance", "Provenance")] if parts["provenance"] else [])


def _titled(checks: Checks) -> list[tuple[str, list[str]]]:
    """Titles and sentences."""
    if not isinstance(checks, Mapping):
        return [("", list(checks))] if checks else []
    return [(t, [said] if isinstance(said, str) else list(said)) for t, said in checks.items()]


def _notes(comparison: Comparison | None) -> list[str]:
    """Where the floor comes from; what metrics share is said once."""
    found = comparison.metrics.values() if comparison else ()
    notes = dict.fromkeys(note for agreement in found for note in agreement.notes)
    return [note for note in notes if note != ESTIMATED]  # the page says that in its own words
