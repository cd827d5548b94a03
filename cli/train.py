"""`recon train`: micrographs in, weights out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.completion import plugin_names, weights_names
from recon.cli.settings import device_flag, format_help, parse_settings, set_flag
from recon.core.bundled import find_weights
from recon.core.errors import ReconError, unknown
from recon.core.recipe import Recipe

if TYPE_CHECKING:
    from recon.core.data.micrographs import Micrographs

TIMED = ".timed"
"""Suffix of the training that --time chose, while it is unfinished."""


@click.command()
@click.argument("micrographs", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="FILE.safetensors.")
@click.option(
    "--denoiser",
    default="unet-ddpm",
    show_default=True,
    metavar="NAME",
    shell_complete=plugin_names("denoiser"),
    help="Denoising model.",
)
@click.option(
    "--preset",
    metavar="NAME",
    help=format_help("Size of the network: tiny, small or paper.", "tiny"),
)
@click.option(
    "--steps", type=int, metavar="N", help=format_help("Training steps.", "of the preset", "N>=1")
)
@click.option(
    "--time",
    "budget",
    metavar="15m|1h",
    help="Choose preset and steps for this training time on this machine.",
)
@click.option(
    "--init",
    metavar="NAME|PATH",
    shell_complete=weights_names,
    help="Weights to start the slice network from; the 3D network is trained anew.",
)
@click.option("--resume", is_flag=True, help="Continue an unfinished training of --out.")
@click.option(
    "--seed",
    type=int,
    default=0,
    metavar="N",
    help=format_help("Seed of the random crops and of the noise.", 0, "N>=0"),
)
@click.option(
    "--material", default="", metavar="TEXT", help="For the card: the material in the images."
)
@click.option(
    "--source", default="", metavar="TEXT", help="For the card: the source of the images."
)
@click.option(
    "--licence", default="", metavar="TEXT", help="For the card: the licence of the weights."
)
@device_flag
@set_flag()
def command(
    micrographs: Path,
    out: Path,
    denoiser: str,
    preset: str | None,
    steps: int | None,
    budget: str | None,
    init: str | None,
    resume: bool,
    seed: int,
    material: str,
    source: str,
    licence: str,
    device: str | None,
    settings: tuple[str, ...],
) -> None:
    """Train a denoiser on micrographs, and write its weights and their card.

    During training, a file beside OUT with the suffix .checkpoint holds the state. With --resume,
    an interrupted training continues from this file with the same result. If torchrun starts the
    command, several processes share each batch, and the result is that of one process.
    """
    from recon.core.data.micrographs import Micrographs
    from recon.core.sampling.processes import world
    from recon.workflow.library.card import locate_card, write_card
    from recon.workflow.progress import ProgressDisplay
    from recon.workflow.run import check_recipe
    from recon.workflow.train import train

    tables = parse_settings(settings)
    for name in tables:
        if name != "denoiser":
            raise unknown("table in --set", name, ["denoiser"])
    flags: dict[str, Any] = {"preset": preset, "steps": steps}
    options = {key: value for key, value in flags.items() if value is not None}
    table = {"name": denoiser, **options, **tables.get("denoiser", {})}
    recipe = Recipe.from_table({"denoiser": table, "seed": seed, "device": device or "cpu"})
    check_recipe(recipe)
    if out.suffix != ".safetensors":
        raise ReconError(f"--out must end in .safetensors, got {out}")
    checkpoint = out.with_suffix(".checkpoint")
    texts = {"material": material, "source": source, "licence": licence}
    if out.exists():
        if resume:
            if checkpoint.exists() and not locate_card(out).exists():  # interrupted between the two
                write_card(out, texts)
            checkpoint.unlink(missing_ok=True)
            out.with_suffix(TIMED).unlink(missing_ok=True)
            click.echo(f"{out} is finished", err=True)
            return
        raise ReconError(f"{out} exists already; choose another --out or remove it first")
    if checkpoint.exists() and not resume:
        raise ReconError(f"{checkpoint} is an unfinished training; --resume or remove it")
    images = Micrographs.open(micrographs)
    start = find_weights(denoiser, init) if init else None
    timed = out.with_suffix(TIMED)
    if budget is not None or (resume and timed.exists() and not (options or tables)):
        recipe = choose_training(recipe, images, budget, timed)
    with ProgressDisplay() as progress:
        train(recipe, images, out, checkpoint=checkpoint, init=start, progress=progress)
    if world().first:
        write_card(out, texts)
        checkpoint.unlink(missing_ok=True)
        timed.unlink(missing_ok=True)
        click.echo(f"{out}: {denoiser}, {out.stat().st_size / 1e6:.1f} MB")


def choose_training(
    recipe: Recipe, images: "Micrographs", budget: str | None, kept: Path
) -> Recipe:
    """The recipe with a training that takes about so long, or that was begun so.

    kept  the choice beside the checkpoint, which holds for --resume: the speed of today would
          choose another
    """
    from recon.core.storage.atomic import atomic_output
    from recon.workflow.planning.training import fit_into, format_training, parse_duration
    from recon.workflow.progress import ProgressDisplay

    if kept.with_suffix(".checkpoint").exists() and kept.exists():
        return Recipe.from_table(json.loads(kept.read_text()))
    if budget is None:
        return recipe
    limit = parse_duration(budget)
    with ProgressDisplay() as progress, progress.during("time a training"):
        fitted, seconds = fit_into(recipe, images, limit)
    click.echo(format_training(fitted, seconds), err=True)
    with atomic_output(kept, replace=True) as partial:
        partial.write_text(json.dumps(fitted.to_table()))
    return fitted
