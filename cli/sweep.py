"""`recon sweep`: a run for every combination of values, a table and plots."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.fail_on import classifier_flag
from recon.cli.recipe import collect_values, read_recipe, recipe_flags
from recon.cli.settings import format_help, parse_value, report_flag, set_flag
from recon.core.data.anchor import make_anchor_absolute
from recon.core.errors import ReconError

if TYPE_CHECKING:
    from recon.workflow.folder import Folder
    from recon.workflow.sweep.combinations import Combination, Sweep

OPENING, CLOSING = "[{(", "]})"


@click.command()
@recipe_flags
@click.option(
    "--vary",
    "varied",
    multiple=True,
    metavar="KEY=VALUE,VALUE,...",
    help="Values to combine: harmonizer.gamma=0.15,0.5,1 or steps=20,60. May be given many times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=format_help("Folder to write to.", "recon-sweep, or the next free number"),
)
@click.option("--resume", is_flag=True, help="Continue the sweep in --out.")
@classifier_flag
@report_flag
@set_flag()
def command(
    recipe: Path | None,
    varied: tuple[str, ...],
    out: Path | None,
    resume: bool,
    classifier: bool,
    report: bool,
    settings: tuple[str, ...],
    **flags: Any,
) -> None:
    """Repeat a run for every combination of values; make a table and plots.

    It writes into --out a folder of `recon run` for each combination, table.csv, sweep.png and
    sweep.toml. The plots have the first --vary on the abscissa and a line for each value of the
    others. With --micrographs and without --weights it trains first. Combinations with the same
    seed and the same options of training share a network.
    """
    from recon.workflow.folder import Folder, find_free_name
    from recon.workflow.sweep.combinations import Sweep
    from recon.workflow.sweep.sweep import combine, read_definition
    from recon.workflow.sweep.table import to_text

    if resume and out is None:
        raise ReconError("--resume needs the --out of the sweep to continue")
    folder = Folder(out or find_free_name("recon-sweep"))
    bare = (
        resume
        and recipe is None
        and not (varied or settings or any(flag not in (None, ()) for flag in flags.values()))
    )
    definition = read_definition(folder.path) if bare else None
    if definition is None:
        table = read_recipe(recipe.absolute() if recipe and recipe.exists() else recipe)
        given = collect_values(flags, settings, table)
        definition = Sweep(
            {key: _make_absolute(key, values) for key, values in parse_vary(varied).items()},
            {key: _make_absolute(key, [value])[0] for key, value in given.items()},
            table,
        )
    combinations = combine(definition)
    rows = make(definition, combinations, folder, resume, classifier, report)
    if rows is None:
        click.echo(f"{folder.path} is finished", err=True)
        return
    click.echo(to_text(definition, rows))
    runs = f"{len(rows)} run{'s' if len(rows) > 1 else ''}"
    click.echo(f"{folder.path}: {runs}, table.csv, sweep.png, sweep.toml")


def parse_vary(settings: Iterable[str]) -> dict[str, list[Any]]:
    """`("steps=20,60",)` as {"steps": [20, 60]}; values are TOML or text."""
    values: dict[str, list[Any]] = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not (key and equals):
            raise ReconError(f"--vary must be KEY=VALUE,VALUE,..., got {setting!r}")
        if key in values:
            raise ReconError(f"--vary gives {key} twice; put all its values into one")
        items = _split_items(text) if text else []
        if "" in items:
            raise ReconError(f"--vary {key} must have a value between commas, got {text!r}")
        values[key] = [parse_value(item) for item in items]
    return values


def _split_items(text: str) -> list[str]:
    """Parts between commas that stand in no bracket and no quotes."""
    items, depth, quote = [""], 0, ""
    for letter in text:
        if letter == "," and not depth and not quote:
            items.append("")
            continue
        items[-1] += letter
        if quote or letter in "\"'":
            quote = "" if letter == quote else quote or letter
        else:
            depth += (letter in OPENING) - (letter in CLOSING)
    return [item.strip() for item in items]


def _make_absolute(key: str, values: list[Any]) -> list[Any]:
    """Paths that hold from anywhere, so that a sweep can continue from another place."""

    def exists(item: Any) -> bool:
        path = Path(item) if isinstance(item, str) and item else None
        # Weights may be a name, and a folder of that name be anything.
        return path is not None and (path.is_file() if key == "weights" else path.exists())

    if key == "anchors":
        return [[make_anchor_absolute(anchor) for anchor in anchors] for anchors in values]
    if key not in ("micrographs", "weights"):
        return values
    return [str(Path(item).absolute()) if exists(item) else item for item in values]


def make(
    definition: "Sweep",
    combinations: "list[Combination]",
    folder: "Folder",
    resume: bool,
    classifier: bool,
    report: bool,
) -> list[dict[str, Any]] | None:
    """The rows; None when there was nothing to do."""
    from recon.workflow.progress import ProgressDisplay
    from recon.workflow.sweep.sweep import begin_sweep, is_finished, sweep

    with folder.lock():
        begin_sweep(definition, folder.path, resume)
        if is_finished(folder.path):
            return None
        with ProgressDisplay() as progress:
            return sweep(
                definition,
                combinations,
                folder,
                progress=progress,
                classifier=classifier,
                report=report,
            )
