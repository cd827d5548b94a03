"""`recon run`: micrographs or weights in, volumes and a report out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.fail_on import Condition, classifier_flag, fail_on_flag, judge
from recon.cli.recipe import collect_values, read_recipe, recipe_flags
from recon.cli.settings import format_help, report_flag, set_flag
from recon.core.errors import ReconError
from recon.core.recipe import Recipe
from recon.core.storage.budget import parse_memory
from recon.workflow.overlay import lay_over

if TYPE_CHECKING:
    from recon.validation.comparison.comparison import Comparison
    from recon.workflow.executors import Executor
    from recon.workflow.folder import Folder


@click.command()
@recipe_flags
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=format_help("Folder to write to.", "recon-run, or the next free number"),
)
@click.option("--resume", is_flag=True, help="Continue the run in --out.")
@click.option(
    "--executor",
    type=click.Choice(["local", "dask"]),
    default="local",
    help="Make samples one after the other here, or several at a time on Dask.",
    show_default=True,
)
@click.option(
    "--scheduler",
    metavar="ADDRESS|FILE",
    help=format_help("Scheduler of a running Dask cluster.", "processes on this machine"),
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help=format_help(
        "Number of worker processes on this machine, or of workers of the cluster to wait for.",
        "one for each core, or one",
    ),
)
@click.option(
    "--time",
    "budget",
    metavar="15m|1h",
    help="For training: choose preset and steps for this training time on this machine.",
)
@click.option(
    "--memory",
    metavar="SIZE",
    help=format_help(
        "Memory limit, such as 8GB; a larger volume is made in slabs on disk, with the same "
        "result.",
        "most of the available memory",
    ),
)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="VOLUME",
    help="Reproduce a volume of `run` from its metadata, and compare the two: exit code 1 if a "
    "voxel differs. --out keeps the new volume; --weights is the path of its weights.",
)
@click.option("--dry-run", is_flag=True, help="Only estimate time, memory and disk space.")
@classifier_flag
@report_flag
@fail_on_flag
@set_flag()
def command(
    recipe: Path | None,
    out: Path | None,
    resume: bool,
    executor: str,
    scheduler: str | None,
    workers: int | None,
    budget: str | None,
    memory: str | None,
    source: Path | None,
    dry_run: bool,
    classifier: bool,
    report: bool,
    fail_on: tuple[Condition, ...],
    settings: tuple[str, ...],
    **flags: Any,
) -> None:
    """Reconstruct volumes, measure them and write a report.

    Without arguments it reconstructs the default example with its bundled weights. With
    --micrographs and without --weights it trains first. A flag overrides RECIPE, and RECIPE
    overrides the defaults.
    """
    from recon.workflow.executors.distributed import Distributed, follow
    from recon.workflow.folder import Folder, find_free_name

    if source is not None:
        from recon.cli.reproduce import refuse_others, reproduce_volume

        refuse_others(click.get_current_context())
    limit = parse_memory(memory) if memory else None
    engine = choose_executor(executor, scheduler, workers, limit)
    if isinstance(engine, Distributed) and not engine.processes.first:
        if not dry_run:
            follow(engine.processes)
        return
    if source is not None:
        reproduce_volume(source, out, resume, flags["weights"], flags["device"], engine)
        return
    table = read_recipe(recipe)
    table = lay_over(table, collect_values(flags, settings, table))
    if budget is not None:
        begun = Folder(out) if resume and out is not None else None
        table |= choose_training(Recipe.from_table(table), budget, begun)
    if dry_run:
        from recon.cli.plan import format_plan
        from recon.workflow.progress import ProgressDisplay

        with ProgressDisplay() as progress, progress.during("plan"):
            lines = format_plan(check(Recipe.from_table(table), engine), limit)
        click.echo(lines)
        return
    folder = Folder(out or find_free_name("recon-run"))
    if resume and out is None:
        raise ReconError("--resume needs the --out of the run to continue")
    if resume and folder.finished:
        if isinstance(engine, Distributed):
            engine.dismiss()
        judge(fail_on, tell_finished(folder))
        return
    bare = resume and not table
    request = (folder.read_request() if bare else None) or Recipe.from_table(table)
    comparison = make(check(request, engine), folder, resume, engine, classifier, report)
    judge(fail_on, comparison.to_table() if fail_on and comparison is not None else None)


def choose_training(recipe: Recipe, budget: str, begun: "Folder | None") -> dict[str, Any]:
    """The denoiser with a training that takes about so long, as part of a recipe's table.

    begun  the folder of the run to continue: its choice holds, as today's speed may differ
    """
    if begun is not None and begun.finished:
        return {}
    if begun is not None and (request := begun.read_request()) is not None:
        return {"denoiser": request.to_table()["denoiser"]}
    from recon.core.data.micrographs import Micrographs
    from recon.workflow.planning.training import fit_into, format_training, parse_duration
    from recon.workflow.progress import ProgressDisplay

    if recipe.weights is not None or recipe.micrographs is None:
        raise ReconError("--time is for a training; give --micrographs and no --weights")
    seconds = parse_duration(budget)
    with ProgressDisplay() as progress, progress.during("time a training"):
        fitted, seconds = fit_into(recipe, Micrographs.open(recipe.micrographs), seconds)
    click.echo(format_training(fitted, seconds), err=True)
    return {"denoiser": {"name": fitted.denoiser.name, **fitted.denoiser.options}}


def check(recipe: Recipe, engine: "Executor") -> Recipe:
    """The recipe; ReconError when it cannot be carried out."""
    from recon.workflow.run import check_recipe

    check_recipe(recipe)
    engine.check(recipe)
    return recipe


def tell_finished(folder: "Folder") -> dict[str, Any] | None:
    """Say that there is nothing to do; the table of the comparison that was made, if any."""
    from recon.workflow.conclude import COMPARISON

    folder.end()  # killed while it cleared away
    click.echo(f"{folder.path} is finished", err=True)
    path = folder.path / COMPARISON
    return json.loads(path.read_text()) if path.exists() else None


def make(
    recipe: Recipe,
    folder: "Folder",
    resume: bool,
    engine: "Executor",
    classifier: bool = True,
    report: bool = True,
) -> "Comparison | None":
    """Do the run and say what came out."""
    from recon.validation.ensemble import to_text
    from recon.workflow.progress import ProgressDisplay
    from recon.workflow.run import run

    if recipe.weights is None and recipe.micrographs is not None:
        tell_size(recipe.micrographs, recipe.shape)
    with folder.lock(), ProgressDisplay() as progress:
        conclusion = run(
            recipe,
            folder,
            resume=resume,
            classifier=classifier,
            report=report,
            progress=progress,
            executor=engine,
        )
    if conclusion.comparison is not None:
        click.echo(conclusion.comparison.to_text())
    for name, ensemble in conclusion.ensembles.items():
        click.echo(to_text(name, ensemble))
    names = "volume.zarr" if recipe.samples == 1 else f"000.zarr..{recipe.samples - 1:03d}.zarr"
    if recipe.samples > 1:
        names += ", samples.csv"
    page = ", report.html" if report else ""
    click.echo(f"{folder.path}: {names}, recipe.toml, measurements.json{page}")
    return conclusion.comparison


def tell_size(micrographs: str, shape: tuple[int, int, int]) -> None:
    """How much real volumes of the shape differ, before a training takes its time."""
    from recon.core.data.micrographs import Micrographs
    from recon.validation.representativity import measure_representativity
    from recon.workflow.progress import ProgressDisplay

    opened = Micrographs.open(micrographs)
    with ProgressDisplay() as progress, progress.during("compare subvolumes"):
        size = measure_representativity(opened, shape).to_text()
    click.echo(f"notice: {size}", err=True)


def choose_executor(
    name: str, scheduler: str | None, workers: int | None, memory: int | None
) -> "Executor":
    """The executor that the flags name; under torchrun that of several processes."""
    from recon.core.sampling.processes import world
    from recon.workflow.executors.dask import Dask
    from recon.workflow.executors.distributed import Distributed
    from recon.workflow.executors.local import Local

    processes = world()
    if name == "dask":
        if processes.size > 1:
            raise ReconError("--executor dask starts its own processes; leave torchrun out")
        if memory is not None:
            raise ReconError("--memory is for --executor local, got it with --executor dask")
        return Dask(scheduler, workers, tell=lambda line: click.echo(line, err=True))
    for flag, value in (("--scheduler", scheduler), ("--workers", workers)):
        if value is not None:
            raise ReconError(f"{flag} is for --executor dask, got {value} with --executor local")
    return Distributed(processes, memory) if processes.size > 1 else Local(memory)
