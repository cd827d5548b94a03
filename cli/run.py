"""`recon run`: micrographs or weights in, volumes and a report out."""

from pathlib import Path
from typing import Any

import click

from recon.cli.progress import Shown
from recon.cli.settings import device_flag, parsed, set_flag
from recon.core.ensemble import to_text
from recon.core.errors import ReconError, unknown
from recon.core.folder import Folder, free_name
from recon.core.recipe import LISTS, PATHS, TABLES, Recipe, read_table
from recon.core.run import check, run


@click.command()
@click.argument("recipe", required=False, type=click.Path(path_type=Path))
@click.option(
    "--micrographs", metavar="PATH", help="micrographs.zarr to train on and compare with."
)
@click.option("--weights", metavar="NAME|PATH", help="Bundled weights or a file of `recon train`.")
@click.option("--denoiser", metavar="NAME", help="Model of the slices.  [default: unet-ddpm]")
@click.option("--schedule", metavar="NAME", help="Planes of each step.  [default: cyclic]")
@click.option("--harmonizer", metavar="NAME", help="The reverse step.  [default: spectral]")
@click.option("--shape", nargs=3, type=int, metavar="Z Y X", help="Voxels.  [default: 64 64 64]")
@click.option("--steps", type=int, help="Respaced steps; 1000 is the paper's.  [default: 60]")
@click.option("--samples", type=int, help="Volumes to make.  [default: 1]")
@click.option("--seed", type=int, help="Sample i uses seed + i.  [default: 0]")
@device_flag
@click.option("--periodic", metavar="AXES", help="Periodic axes, such as z,y,x.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder.  [default: recon-run]")
@click.option("--resume", is_flag=True, help="Go on with what was begun in --out.")
@click.option(
    "--executor",
    type=click.Choice(["local"]),
    default="local",
    help="Where samples are made.",
    show_default=True,
)
@set_flag
def command(
    recipe: Path | None,
    out: Path | None,
    resume: bool,
    executor: str,
    settings: tuple[str, ...],
    **flags: Any,
) -> None:
    """Reconstruct volumes, measure them and write a report.

    Without arguments: the default example with its bundled weights. With --micrographs and
    without --weights it trains first. A flag wins over the RECIPE, the recipe over defaults.
    """
    table = _table(recipe, flags, settings)
    folder = Folder(out or free_name("recon-run"))
    if resume and out is None:
        raise ReconError("--resume needs the --out of the run to go on with")
    if resume and folder.finished:
        click.echo(f"{folder.path} is finished", err=True)
        return
    bare = resume and not table
    wanted = (folder.request() if bare else None) or Recipe.from_table(table)
    check(wanted)
    new = not folder.path.exists()
    try:
        with folder.taken(), Shown() as progress:
            made, comparison, ensembles = run(wanted, folder, resume=resume, progress=progress)
    except ReconError:
        if new and folder.path.is_dir() and not any(folder.path.iterdir()):
            folder.path.rmdir()
        raise
    if comparison is not None:
        click.echo(comparison.to_text())
    for name, found in ensembles.items():
        click.echo(to_text(name, found))
    names = "volume.zarr" if made.samples == 1 else f"000.zarr..{made.samples - 1:03d}.zarr"
    click.echo(f"{folder.path}: {names}, recipe.toml, measurements.json, report.html")


def _table(path: Path | None, flags: dict[str, Any], settings: tuple[str, ...]) -> dict[str, Any]:
    """The recipe's table with the flags and `--set` laid over it."""
    table = _rebased(read_table(path), path.parent) if path else {}
    for name, value in flags.items():
        if value is None:
            continue
        if name in TABLES:
            if table.get(name, {}).get("name") != value:
                table[name] = {"name": value}
        elif name == "periodic":
            table[name] = [axis for axis in value.split(",") if axis]
        else:
            table[name] = list(value) if isinstance(value, tuple) else value
    for name, options in parsed(settings).items():
        if name not in TABLES:
            raise unknown("table in --set", name, TABLES)
        table[name] = {**table.get(name, {}), **options}
    return table


def _rebased(table: dict[str, Any], base: Path) -> dict[str, Any]:
    """Paths of a recipe file are relative to its folder; bundled names stay names."""
    for key in ("micrographs", "weights"):
        value = table.get(key)
        if isinstance(value, str) and (base / value).exists():
            table[key] = str(base / value)
    for key in LISTS:
        entries = table.get(key)
        for entry in entries if isinstance(entries, list) else ():
            for option in PATHS & entry.keys() if isinstance(entry, dict) else ():
                value = entry[option]
                if isinstance(value, str) and (base / value).is_file():
                    entry[option] = str(base / value)
    return table
