"""RECIPE.toml and the flags that `run` and `sweep` share."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from recon.cli.settings import device_flag, parsed
from recon.core.errors import ReconError, unknown
from recon.core.recipe import LISTS, PATHS, TABLES, read_table

FLAGS = (
    click.option(
        "--micrographs", metavar="PATH", help="micrographs.zarr to train on and compare with."
    ),
    click.option(
        "--weights", metavar="NAME|PATH", help="Bundled weights or a file of `recon train`."
    ),
    click.option("--denoiser", metavar="NAME", help="Model of the slices.  [default: unet-ddpm]"),
    click.option("--schedule", metavar="NAME", help="Planes of each step.  [default: cyclic]"),
    click.option("--harmonizer", metavar="NAME", help="The reverse step.  [default: spectral]"),
    click.option(
        "--shape", nargs=3, type=int, metavar="Z Y X", help="Voxels.  [default: 64 64 64]"
    ),
    click.option("--steps", type=int, help="Respaced steps; 1000 is the paper's.  [default: 60]"),
    click.option("--samples", type=int, help="Volumes to make.  [default: 1]"),
    click.option("--seed", type=int, help="Sample i uses seed + i.  [default: 0]"),
    device_flag,
    click.option("--periodic", metavar="AXES", help="Periodic axes, such as z,y,x."),
    click.option(
        "--fraction", metavar="F,F,...", help="Phase fractions to aim at, not the micrographs'."
    ),
    click.option("--fast", is_flag=True, default=None, help="Few network passes, lower quality."),
)
FAST = {"steps": 20, "harmonizer.rounds": 2}
"""36 network passes instead of 180; what is given beside --fast wins."""


def recipe_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """RECIPE and a flag for each of its keys."""
    for flag in reversed(FLAGS):
        command = flag(command)
    return click.argument("recipe", required=False, type=click.Path(path_type=Path))(command)


def given(flags: dict[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """What flags and `--set` say, by key: {"steps": 20, "harmonizer.gamma": 0.5}."""
    values = {name: value for name, value in flags.items() if value is not None}
    if values.pop("fast", False):
        own = values.get("harmonizer", "spectral") == "spectral"
        values = {k: v for k, v in FAST.items() if own or "." not in k} | values
    if "fraction" in values:
        values["harmonizer.fraction"] = fractions(values.pop("fraction"))
    for name, options in parsed(settings).items():
        if name not in TABLES:
            raise unknown("table in --set", name, TABLES)
        values |= {f"{name}.{option}": value for option, value in options.items()}
    return values


def fractions(text: str) -> list[float]:
    """The numbers of --fraction."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        message = f"--fraction must be numbers such as 0.35,0.65, got {text!r}"
        raise ReconError(message) from None


def recipe_table(path: Path | None) -> dict[str, Any]:
    """The table of a recipe file; its paths are relative to its folder, bundled names are not."""
    if path is None:
        return {}
    table, base = read_table(path), path.parent
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
