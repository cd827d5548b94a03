"""report.html: one page that opens offline and says how far to trust a volume."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import xarray as xr

from recon.core.atomic import whole
from recon.core.equivalence import Comparison
from recon.core.floor import ESTIMATED
from recon.core.micrographs import Micrographs
from recon.core.report import numbers
from recon.core.report.curves import charts, lag_curves
from recon.core.report.tiles import colours, gallery
from recon.core.volume import Volume

HERE = Path(__file__).parent


def write_report(
    path: str | Path,
    volumes: Sequence[Volume],
    measurements: Mapping[str, xr.DataArray | xr.Dataset],
    reference: Volume | Micrographs | None = None,
    comparison: Comparison | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write one HTML file with slices, curves, numbers and provenance; replaces an older one.

    volumes       of one shape
    measurements  results by name, with a dim `sample` when there are several volumes
    reference     what they were compared with;  comparison  how (core.equivalence.compare)
    provenance    that of the first volume when not given
    """
    page = rendered(volumes, measurements, reference, comparison, provenance)
    with whole(Path(path), replace=True) as partial:
        partial.write_text(page, encoding="utf-8")


def rendered(
    volumes: Sequence[Volume],
    measurements: Mapping[str, xr.DataArray | xr.Dataset],
    reference: Volume | Micrographs | None = None,
    comparison: Comparison | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> str:
    """The page."""
    first = volumes[0]
    made = first.provenance if provenance is None else provenance
    template = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    ).from_string((HERE / "page.html").read_text(encoding="utf-8"))
    return template.render(
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        size=numbers.sizes(volumes),
        against=numbers.described(reference),
        estimated=comparison is not None and comparison.kind == "micrographs",
        real="micrographs" if isinstance(reference, Micrographs) else "reference volume",
        compared=comparison is not None,
        samples=len(volumes),
        colours=colours(len(first.phases)),
        phases=first.phases,
        headlines=numbers.headlines(comparison),
        floor_place=100 / numbers.BAR,
        fractions=numbers.fractions(volumes, comparison),
        gallery=gallery(volumes, reference),
        sections=_sections(volumes, measurements, comparison),
        agreements=numbers.agreements(comparison),
        notes=_notes(comparison),
        results=numbers.results(measurements),
        provenance=numbers.toml(made),
    )


def _sections(
    volumes: Sequence[Volume],
    measurements: Mapping[str, xr.DataArray | xr.Dataset],
    comparison: Comparison | None,
) -> list[dict[str, Any]]:
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
        {
            "name": name,
            "charts": charts(found, compared.get(name), first.voxel_size, first.phases),
        }
        for name, found in curves.items()
    ]


def _notes(comparison: Comparison | None) -> list[str]:
    """Where the floor comes from; what metrics share is said once."""
    found = comparison.metrics.values() if comparison else ()
    notes = dict.fromkeys(note for agreement in found for note in agreement.notes)
    return [note for note in notes if note != ESTIMATED]  # the page says that in its own words
