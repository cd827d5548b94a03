"""One page that compares several runs or volumes, each judged against the same reference."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from recon.core.data.colours import pick_colours
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import AXES, NORMAL, PLANES, in_plane
from recon.core.data.units import round_length
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.storage.atomic import atomic_output
from recon.validation.comparison.comparison import Comparison
from recon.validation.report import numbers
from recon.validation.report.csv_link import link_csv
from recon.validation.report.drawing import SERIES
from recon.validation.report.judged import tabulate_judged
from recon.validation.report.judgement import Judgement, phrase_verdict
from recon.validation.report.numbers import ABSENT, Table
from recon.validation.report.overlay import draw_overlay
from recon.validation.report.sections import Part
from recon.validation.report.template import fill_template, read_assets
from recon.validation.report.tiles import (
    Tile,
    choose_evenly,
    choose_pixel_scale,
    choose_real,
    draw_tile,
    format_length,
    rescale,
)

PER_PLANE = 2
"""Slices of each run that are shown of a plane."""
WIDE = 128
"""CSS pixels of the longest side of the largest volume: two columns fit on a phone."""
FINDINGS = 4
"""Findings that a card holds."""


@attrs.frozen(eq=False)
class Judged:
    """A run or volume on the page.

    volumes  of one shape;  comparison  of these with the reference that all share
    """

    name: str
    volumes: Sequence[Volume]
    comparison: Comparison


@attrs.frozen
class Card:
    """The verdict on one of them; `more` findings are not shown."""

    name: str
    size: str
    verdict: Judgement
    more: int


@attrs.frozen
class Slices:
    """Of one plane, by what they are of."""

    plane: str
    right: str
    down: str
    sides: list[tuple[str, list[Tile]]]


def write_side_by_side(
    path: str | Path, judged: Sequence[Judged], reference: Volume | Micrographs
) -> None:
    """Write one HTML file: verdicts, errors with limits, curves and slices side by side."""
    page = render_side_by_side(judged, reference)
    with atomic_output(Path(path), replace=True) as partial:
        partial.write_text(page, encoding="utf-8")


def render_side_by_side(judged: Sequence[Judged], reference: Volume | Micrographs) -> str:
    """The page."""
    if len(judged) > len(SERIES):
        raise ReconError(
            f"a page compares at most {len(SERIES)} runs or volumes, got {len(judged)}; make two"
        )
    first = judged[0].volumes[0]
    pictured = rescale(reference, first.voxel_size)
    errors = tabulate_errors(judged)
    own = [_name_table(one) for one in judged]
    settings = tabulate_settings(judged)
    scale = min(choose_pixel_scale(one.volumes[0], WIDE) for one in judged)
    length = round_length(48 / scale)
    curves = _list_curves(judged)
    return fill_template(
        "side_by_side.html",
        script=read_assets("page.js"),
        names=[one.name for one in judged],
        against=numbers.describe_reference(reference),
        real="micrographs" if isinstance(reference, Micrographs) else "reference volume",
        material=numbers.describe_material(first),
        version=version("microrecon"),
        date=date.today().isoformat(),
        csv=link_csv(table for table in (errors, settings, *own) if table is not None),
        cards=[
            _make_card(one, {part.name: make_id(part.name) for part in curves}) for one in judged
        ],
        errors=errors,
        settings=settings,
        fractions=_tabulate_fractions(judged),
        curves=[(make_id(part.name), part) for part in curves],
        slices=[_show_slices(plane, judged, pictured, scale) for plane in PLANES],
        bar=length * scale,
        length=format_length(length, first.voxel_size),
        phases=first.phases,
        colours=pick_colours(len(first.phases)),
        alike=len({one.volumes[0].shape for one in judged}) == 1,
    )


def make_id(name: str) -> str:
    """Of the section of a statistic."""
    return "curves-" + name.replace(".", "-")


def tabulate_errors(judged: Sequence[Judged]) -> Table | None:
    """A row a statistic and place, a column a run: its error, its limit and a sign."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for one in judged:
        table = tabulate_judged(one.comparison, one.volumes[0].voxel_size)
        for title, where, _, _, error, _, limit, sign in table.rows if table else ():
            cells.setdefault((title, where), {})[one.name] = f"{error} of {limit} {sign}"
    if not cells:
        return None
    rows = [
        [*key, *(found.get(one.name, ABSENT) for one in judged)] for key, found in cells.items()
    ]
    heads = ["statistic", "where", *(one.name for one in judged)]
    return Table("errors and their limits", heads, rows)


def tabulate_settings(judged: Sequence[Judged]) -> Table | None:
    """What the recipes of the volumes differ in."""
    recipes = {one.name: dict(_flatten(_read_recipe(one.volumes[0]))) for one in judged}
    keys = dict.fromkeys(key for recipe in recipes.values() for key in recipe)
    rows = [
        [key, *(recipe.get(key, ABSENT) for recipe in recipes.values())]
        for key in keys
        if len({recipe.get(key) for recipe in recipes.values()}) > 1
    ]
    return Table("settings that differ", ["setting", *recipes], rows) if rows else None


def _read_recipe(volume: Volume) -> Mapping[str, Any]:
    recipe = (volume.provenance or {}).get("recipe")
    return recipe if isinstance(recipe, Mapping) else {}


def _flatten(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{above}{key}.")
        else:
            yield above + key, str(value)


def _name_table(one: Judged) -> Table | None:
    table = tabulate_judged(one.comparison, one.volumes[0].voxel_size)
    return table and attrs.evolve(table, name=f"{one.name}: {table.name}")


def _make_card(one: Judged, sections: Mapping[str, str]) -> Card:
    verdict = phrase_verdict(one.comparison, dict(sections))
    return Card(
        one.name,
        numbers.describe_sizes(one.volumes),
        attrs.evolve(verdict, findings=verdict.findings[:FINDINGS]),
        max(0, len(verdict.findings) - FINDINGS),
    )


def _tabulate_fractions(judged: Sequence[Judged]) -> Table:
    """Volume fractions, a row a phase."""
    found = judged[0].comparison.reference_fractions
    rows = [
        [
            phase,
            *(f"{float(one.comparison.fractions.mean('sample')[k]):.3f}" for one in judged),
            f"{float(found[k]):.3f}",
        ]
        for k, phase in enumerate(judged[0].volumes[0].phases)
    ]
    heads = ["phase", *(one.name for one in judged), "reference"]
    return Table("volume fractions", heads, rows)


def _list_curves(judged: Sequence[Judged]) -> list[Part]:
    """One part a statistic that is a curve, all runs in each figure."""
    parts = []
    for name, agreement in judged[0].comparison.metrics.items():
        if agreement.axis is None:
            continue
        agreements = {
            one.name: one.comparison.metrics[name]
            for one in judged
            if name in one.comparison.metrics
        }
        first = judged[0].volumes[0]
        charts = draw_overlay(agreements, first.voxel_size, first.phases)
        if charts:
            parts.append(Part(name, agreement.title, charts, False, True))
    return parts


def _show_slices(
    plane: str, judged: Sequence[Judged], reference: Volume | Micrographs, scale: float
) -> Slices:
    """At one scale; of the reference windows as large as slices of the first."""
    normal = NORMAL[plane]
    sides = []
    for one in judged:
        tiles = []
        for number, volume in enumerate(choose_evenly(one.volumes, PER_PLANE, repeat=True)):
            stack = np.moveaxis(volume.labels, normal, 0)
            place = (number + 1) * len(stack) // (PER_PLANE + 1)
            said = f"{one.name}, slice {AXES[normal]} = {place}"
            tiles.append(draw_tile(stack[place], volume, plane, scale, said))
        sides.append((one.name, tiles))
    real = choose_evenly(choose_real(plane, judged[0].volumes[0], reference), PER_PLANE)
    what = "micrograph" if isinstance(reference, Micrographs) else "reference volume"
    tiles = [draw_tile(image, reference, plane, scale, f"{what}, plane {plane}") for image in real]
    down, right = (AXES[axis] for axis in in_plane(plane))
    return Slices(plane, right, down, [*sides, ("reference", tiles)])
