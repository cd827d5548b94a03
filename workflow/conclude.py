"""The end of a run: its volumes together, compared, checked and reported."""

import json

import attrs
import xarray as xr

from recon.core.bundled import list_bundled
from recon.core.data.micrographs import Micrographs
from recon.core.recipe import Recipe
from recon.core.storage.atomic import atomic_output
from recon.validation.comparison.compare import compare
from recon.validation.comparison.comparison import Comparison
from recon.validation.ensemble import summarize_all
from recon.validation.report import write_report
from recon.workflow import sample_table
from recon.workflow.central_part import open_central_parts
from recon.workflow.checks import describe_checks
from recon.workflow.examples import EXAMPLES, example
from recon.workflow.executors import Order, Progress
from recon.workflow.folder import MEASUREMENTS, REPORT
from recon.workflow.results import concat_samples, from_table, to_json

COMPARISON = "comparison.json"
"""Verdict, errors and sampling errors against the micrographs, in the folder of a run."""

SAMPLES = "samples.csv"
"""A row a sample of several, in the folder of a run."""


@attrs.frozen(eq=False)
class Conclusion:
    """What a run found.

    recipe      as it stands in the folder
    comparison  with the micrographs, if there are any
    ensembles   of several samples, of every property
    """

    recipe: Recipe
    comparison: Comparison | None
    ensembles: dict[str, xr.Dataset]


def conclude(
    order: Order,
    recipe: Recipe,
    reference: Micrographs | None,
    progress: Progress,
    memory: int | None,
    classifier: bool = True,
    report: bool = True,
) -> Conclusion:
    """Write measurements.json, samples.csv, comparison.json and report.html.

    recipe  as it stands in the folder
    memory  bytes that volumes may take while they are compared and drawn
    classifier  whether the comparison has the classifier two-sample test
    report      whether there is a page
    """
    folder, numbers = order.folder, range(order.samples)
    volumes = open_central_parts([order.path(number) for number in numbers], memory)
    notes = [order.read_notes(number) for number in numbers]
    each = [from_table(note["measured"]) for note in notes]
    if order.samples > 1:
        sample_table.write(folder.path / SAMPLES, order.job.recipe, volumes, notes, each)
    results = {name: concat_samples([one[name] for one in each]) for name in each[0]}
    spread = summarize_all(results)
    named = {f"{name}-ensemble": value for name, value in spread.items()}
    with atomic_output(folder.path / MEASUREMENTS, replace=True) as partial:
        partial.write_text(to_json({**results, **named}))
    progress("check", 0, 1, "")
    checks = describe_checks(volumes, reference, order.job.anchors)
    progress("check", 1, 1, "")
    comparison = None
    if reference is not None:
        comparison = compare(volumes, reference, classifier=classifier, progress=progress)
        table = {**comparison.to_table(), "checks": checks}
        with atomic_output(folder.path / COMPARISON, replace=True) as partial:
            partial.write_text(json.dumps(table, allow_nan=False))
    if report:
        progress("report", 0, 1, "")
        write_report(folder.path / REPORT, volumes, results, reference, comparison, checks=checks)
        progress("report", 1, 1, "")
    return Conclusion(recipe, comparison, spread)


def find_embedded(recipe: Recipe) -> Micrographs | None:
    """The micrographs that bundled weights were trained on: they are made anew."""
    name = recipe.weights or next(iter(EXAMPLES))
    known = name in EXAMPLES and name in list_bundled(recipe.denoiser.name)
    return example(name)[0] if known else None
