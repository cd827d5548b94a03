"""`recon compare`: several runs or volumes side by side, each with its verdict."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from recon.cli.fail_on import classifier_flag
from recon.core.errors import ReconError
from recon.core.storage.atomic import atomic_output, check_writable
from recon.validation.comparison.comparison import Comparison
from recon.validation.report.side_by_side import Judged, write_side_by_side
from recon.workflow.compare_runs import compare_runs
from recon.workflow.progress import ProgressDisplay


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN|VOLUME..."
)
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="Micrographs or a volume to compare with. Default: the micrographs of the runs.",
)
@classifier_flag
@click.option(
    "--report", type=click.Path(path_type=Path), help="File for one report on all (HTML)."
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="File for all numbers (JSON)."
)
def command(
    paths: tuple[Path, ...],
    against: Path | None,
    classifier: bool,
    report: Path | None,
    json_file: Path | None,
) -> None:
    """Compare several runs or volumes: verdicts, errors, curves and slices side by side.

    recon compares each with the same micrographs or the same volume. The verdict on a run of
    several samples uses their mean error. Sizes may differ; the limits are for each size.
    """
    for file in (report, json_file):
        if file is not None and not file.parent.is_dir():
            raise ReconError(f"cannot write {file}: {file.parent} is no folder; make it first")
        if file is not None:
            check_writable(file)
    with ProgressDisplay() as progress:
        judged, reference = compare_runs(paths, against, classifier=classifier, progress=progress)
    for one in judged:
        click.echo(f"{one.name}: {one.comparison.verdict.level}. {one.comparison.verdict.headline}")
    click.echo(_tabulate(judged))
    if json_file is not None:
        tables = {one.name: one.comparison.to_table() for one in judged}
        with atomic_output(json_file, replace=True) as partial:
            partial.write_text(json.dumps(tables, allow_nan=False))
    if report is not None:
        write_side_by_side(report, judged, reference)


def _tabulate(judged: Sequence[Judged]) -> str:
    """Errors over their limits, the largest of the places, a line a statistic."""
    found = [_find_largest(one.comparison) for one in judged]
    names = dict.fromkeys(name for each in found for name in each)
    widths = [max(len(one.name), 6) for one in judged]
    first = max(len(name) for name in ("error over its limit", *names))
    heads = (one.name.rjust(width) for one, width in zip(judged, widths, strict=True))
    lines = ["  ".join(["error over its limit".ljust(first), *heads])]
    for name in names:
        cells = (
            (f"{each[name]:.2f}" if name in each else "-").rjust(width)
            for each, width in zip(found, widths, strict=True)
        )
        lines.append("  ".join([name.ljust(first), *cells]))
    return "\n".join(lines)


def _find_largest(comparison: Comparison) -> dict[str, float]:
    """Statistic -> the largest of its errors over their limits."""
    largest: dict[str, float] = {}
    for (name, _), multiple in comparison.list_multiples().items():
        largest[name] = max(multiple, largest.get(name, 0.0))
    return largest
