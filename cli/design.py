"""`recon design`: the settings whose volumes have wanted properties."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.recipe import collect_values, read_recipe, recipe_flags
from recon.cli.settings import format_help, parse_settings, set_flag
from recon.core.errors import ReconError
from recon.workflow.overlay import lay_over

if TYPE_CHECKING:
    from recon.workflow.design.run import Outcome


@click.command()
@recipe_flags
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="PLUGIN.VALUE=NUMBER",
    help="A target value: diffusivity.relative.z=0.21, homogenization.E.x=12, "
    "volume-fraction.pore=0.4. May be given many times.",
)
@click.option(
    "--vary",
    "varied",
    multiple=True,
    metavar="KEY=LOW:HIGH",
    help="A parameter and its range: fraction.PHASE=0.2:0.5, stretch.z=0.5:2 (of the texture), "
    "blend:other.safetensors=0:1 (its share), or a key of the recipe. May be given many times.",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    metavar="N",
    default=30,
    show_default=True,
    help="Maximum number of trials.",
)
@click.option(
    "--verify",
    type=click.IntRange(2),
    metavar="N",
    default=8,
    show_default=True,
    help="Number of volumes of the verification.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=format_help("Folder to write to.", "recon-design, or the next free number"),
)
@click.option("--resume", is_flag=True, help="Continue the search in --out.")
@set_flag("KIND|NAME")
def command(
    recipe: Path | None,
    targets: tuple[str, ...],
    varied: tuple[str, ...],
    trials: int,
    verify: int,
    out: Path | None,
    resume: bool,
    settings: tuple[str, ...],
    **flags: Any,
) -> None:
    """Find settings whose volumes have the properties that you want.

    Bayesian optimization over a few parameters, with --samples volumes for each trial (default 2).
    Further volumes verify the settings that it finds. It writes into --out the volumes of the
    verification, recipe.toml, trials.csv, design.json and design.png. Set options of a metric or
    property with --set PLUGIN.OPTION=VALUE.
    """
    from recon.workflow.design.run import check_folder, run_design
    from recon.workflow.design.search import Design
    from recon.workflow.design.space import Parameter
    from recon.workflow.design.targets import Target
    from recon.workflow.folder import Folder, find_free_name
    from recon.workflow.progress import ProgressDisplay

    wanted = tuple(Target.parse(text) for text in targets)
    space = tuple(Parameter.parse(text) for text in varied)
    for flag, given in (("--target", wanted), ("--vary", space)):
        if not given:
            raise ReconError(f"a design needs at least one {flag}")
        if len({one.key for one in given}) < len(given):
            raise ReconError(f"{flag} gives one key twice; leave one out")
    if resume and out is None:
        raise ReconError("--resume needs the --out of the design to continue")
    plugins = {target.plugin for target in wanted}
    options: dict[str, dict[str, Any]] = {}
    rest = []
    for setting in settings:
        ((name, table),) = parse_settings([setting]).items()
        if name in plugins:
            options[name] = options.get(name, {}) | table
        else:
            rest.append(setting)
    samples = flags.pop("samples") or 2
    table = read_recipe(recipe)
    table = lay_over(table, collect_values(flags, rest, table))
    design = Design(table, wanted, space, options, samples)
    design.build_plugins()
    folder = Folder(out or find_free_name("recon-design"))
    with folder.lock():
        check_folder(design, folder, resume)
        with ProgressDisplay() as progress:
            outcome = run_design(design, folder, trials, verify, progress)
    print_outcome(outcome)
    click.echo(f"{folder.path}: {verify} volumes, recipe.toml, trials.csv, design.json, design.png")


def print_outcome(outcome: "Outcome") -> None:
    """The settings and each target."""
    chosen = ", ".join(f"{key} {value:.4g}" for key, value in outcome.settings.chosen.items())
    click.echo(f"settings after {outcome.trials} trials: {chosen}")
    for one in outcome.verified:
        end = "" if one.reached else "; not reached, this is the nearest found"
        click.echo(
            f"{one.target.key}: wanted {one.target.value:.4g}, predicted {one.predicted:.4g}, "
            f"verified {one.mean:.4g}, 95 % interval {one.low:.4g} .. {one.high:.4g}{end}"
        )
