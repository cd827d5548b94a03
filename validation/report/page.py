"""The page of a report, put together of its parts."""

from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from typing import Any

import xarray as xr

from recon.core.data.colours import pick_colours
from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.validation.comparison.comparison import Comparison
from recon.validation.comparison.sampling_error import ESTIMATED
from recon.validation.report import Checks, numbers
from recon.validation.report.advice import give_advice
from recon.validation.report.csv_link import link_csv
from recon.validation.report.judged import tabulate_judged
from recon.validation.report.judgement import phrase_verdict
from recon.validation.report.methods import write_methods
from recon.validation.report.results import tabulate_results
from recon.validation.report.sections import (
    Section,
    build_properties,
    build_sections,
    locate_statistics,
)
from recon.validation.report.solids import picture_solids
from recon.validation.report.surest import build_classified
from recon.validation.report.template import fill_template, read_assets
from recon.validation.report.tiles import build_gallery, rescale
from recon.validation.report.viewer import build_viewer
from recon.validation.representativity import find_representativity


def render(
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
    pictured = None if reference is None else rescale(reference, first.voxel_size)
    sections = build_sections(volumes, measurements, comparison)
    parts: dict[str, Any] = {
        "classified": build_classified(volumes, comparison),
        "power": numbers.tabulate_power(comparison),
        "properties": build_properties(measurements, comparison),
        "checks": _split_checks(checks),
        "agreements": numbers.tabulate_agreements(comparison, first.voxel_size),
        "judged": tabulate_judged(comparison, first.voxel_size),
        "results": tabulate_results(measurements),
        "provenance": numbers.format_provenance(made),
    }
    verdict = phrase_verdict(comparison, locate_statistics(sections, comparison))
    release = version("microrecon")
    tables = [parts["judged"], *parts["agreements"], *parts["results"], parts["power"]]
    methods, references = write_methods(volumes, reference, comparison, made, release)
    return fill_template(
        "page.html",
        material=numbers.describe_material(first),
        version=release,
        date=date.today().isoformat(),
        advice=give_advice(comparison.verdict) if comparison else [],
        representativity=_describe_size(comparison, reference, first),
        methods=methods,
        references=references,
        csv=link_csv(table for table in tables if table is not None),
        script=read_assets("viewer.js", "turning.js", "page.js"),
        size=numbers.describe_sizes(volumes),
        against=numbers.describe_reference(reference),
        verdict=verdict,
        failing={one.to for one in verdict.findings},
        contents=_list_contents(sections, parts),
        estimated=comparison is not None and comparison.kind == "micrographs",
        real="micrographs" if isinstance(reference, Micrographs) else "reference volume",
        compared=comparison is not None,
        samples=len(volumes),
        colours=pick_colours(len(first.phases)),
        phases=first.phases,
        headlines=numbers.list_headlines(comparison),
        floor_place=100 / numbers.BAR,
        fractions=numbers.list_fractions(volumes, comparison),
        gallery=build_gallery(volumes, pictured),
        viewer=build_viewer(volumes, pictured),
        solids=picture_solids(volumes, pictured),
        sections=sections,
        notes=_list_notes(comparison),
        **parts,
    )


def _describe_size(
    comparison: Comparison | None, reference: Volume | Micrographs | None, first: Volume
) -> str | None:
    """How much real volumes of this size differ, where micrographs tell."""
    if comparison is None or not isinstance(reference, Micrographs):
        return None
    text = find_representativity(comparison.metrics, reference, first.shape).to_text()
    return f"{text[:1].upper()}{text[1:]}."


def _list_contents(sections: Sequence[Section], parts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Id and name of what stands below the summary."""
    named = [("judged", "All that was judged")] if parts["judged"] else []
    named.append(("slices", "Slices"))
    named += [("classifier", "Classifier")] if parts["classified"] else []
    named += [("power", "Power")] if parts["power"] else []
    named.append(("solids", "In three dimensions"))
    named += [(section.id, section.title) for section in sections]
    named += [(key, key.capitalize()) for key in ("properties", "checks") if parts[key]]
    if parts["agreements"] or parts["results"]:
        named.append(("numbers", "Numbers"))
    named.append(("methods", "Methods"))
    return named + ([("provenance", "Provenance")] if parts["provenance"] else [])


def _split_checks(checks: Checks) -> list[tuple[str, list[str]]]:
    """Titles and sentences."""
    if not isinstance(checks, Mapping):
        return [("", list(checks))] if checks else []
    return [(t, [said] if isinstance(said, str) else list(said)) for t, said in checks.items()]


def _list_notes(comparison: Comparison | None) -> list[str]:
    """Where the sampling error comes from; what metrics share is said once."""
    agreements = comparison.metrics.values() if comparison else ()
    notes = dict.fromkeys(note for agreement in agreements for note in agreement.notes)
    return [note for note in notes if note != ESTIMATED]  # the page says that in its own words
