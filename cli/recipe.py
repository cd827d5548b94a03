"""RECIPE.toml and the flags that `run`, `sweep` and `design` share."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from recon.cli.completion import plugin_names, weights_names
from recon.cli.settings import device_flag, format_help, parse_settings
from recon.core import bundled
from recon.core.data.anchor import parse_anchor
from recon.core.data.planes import AXES
from recon.core.errors import ReconError, unknown
from recon.core.recipe import LISTS, PATHS, TABLES, Recipe
from recon.core.sampling.step import T
from recon.core.storage.toml_file import read_toml
from recon.workflow.overlay import CHOSEN, speed_up

DEFAULT = Recipe()
FLAGS = (
    click.option(
        "--micrographs",
        type=click.Path(),
        help="Micrographs from `recon import`, for training and for the comparison.",
    ),
    click.option(
        "--weights",
        metavar="NAME|PATH",
        shell_complete=weights_names,
        help=format_help("Bundled weights, or a file from `recon train`.", bundled.DEFAULT),
    ),
    click.option(
        "--denoiser",
        metavar="NAME",
        shell_complete=plugin_names("denoiser"),
        help=format_help("Denoising model.", DEFAULT.denoiser.name),
    ),
    click.option(
        "--preset",
        metavar="NAME",
        help="For training: size of the network: tiny, small or paper (denoiser.preset).",
    ),
    click.option(
        "--train-steps",
        type=int,
        metavar="N",
        help="For training: number of steps (denoiser.steps).",
    ),
    click.option(
        "--schedule",
        metavar="NAME",
        shell_complete=plugin_names("schedule"),
        help=format_help("Which planes are denoised at a step.", DEFAULT.schedule.name),
    ),
    click.option(
        "--harmonizer",
        metavar="NAME",
        shell_complete=plugin_names("harmonizer"),
        help=format_help("Method that makes the planes agree.", DEFAULT.harmonizer.name),
    ),
    click.option(
        "--refiner",
        multiple=True,
        metavar="NAME",
        shell_complete=plugin_names("refiner"),
        help=format_help(
            "Correction of the finished volume; several apply in their order; none: no correction. "
            "May be given many times.",
            "islands, then patterns, with harmonizer spectral",
        ),
    ),
    click.option(
        "--shape",
        nargs=3,
        type=int,
        metavar="Z Y X",
        help=format_help(
            "Voxels of the volume along each axis.",
            " ".join(map(str, DEFAULT.shape)),
            "2<=side<=65535",
        ),
    ),
    click.option(
        "--steps",
        type=int,
        metavar="N",
        help=format_help(
            "Steps of the sampler (not of the training); the paper uses 1000.",
            DEFAULT.steps,
            f"1<=N<={T}",
        ),
    ),
    click.option(
        "--samples",
        type=int,
        metavar="N",
        help=format_help("Number of volumes to make.", DEFAULT.samples, "N>=1"),
    ),
    click.option(
        "--seed",
        type=int,
        metavar="N",
        help=format_help("Seed; sample i uses seed + i.", DEFAULT.seed, "N>=0"),
    ),
    device_flag,
    click.option(
        "--periodic", metavar="AXES", help=format_help("Periodic axes, such as z,y,x.", "none")
    ),
    click.option(
        "--anchor",
        "anchors",
        multiple=True,
        metavar="PLANE:PLACE=IMAGE",
        help="A measured slice that the volume will contain, such as xy:12=slice.tif: segmented, "
        "and as large as the volume's slice. May be given many times.",
    ),
    click.option(
        "--fraction",
        metavar="F,F,...|AXIS:F..F",
        help=format_help(
            "Phase fractions of the volume, or a profile of the last phase: z:0.3..0.5 along z.",
            "those of the micrographs",
            "0<F<1",
        ),
    ),
    click.option(
        "--stretch",
        metavar="AXIS=FACTOR,...",
        help="Stretch the texture: z=2 makes voxels twice as long along z.",
    ),
    click.option(
        "--blend",
        metavar="WEIGHTS=SHARE|WEIGHTS=AXIS:SHARE..SHARE",
        help="Blend with another material: other.safetensors=z:0..1 changes along z from this "
        "material to the other; other.safetensors=0.3 is a constant share of the other.",
    ),
    click.option(
        "--fast",
        is_flag=True,
        default=None,
        help="Use a fifth of the network passes, for somewhat lower quality.",
    ),
    click.option(
        "--fastest",
        is_flag=True,
        default=None,
        help="Use five steps, for a first look or large volumes; for weights with a 3D network.",
    ),
)


def recipe_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """RECIPE and a flag for each of its keys."""
    for flag in reversed(FLAGS):
        command = flag(command)
    return click.argument("recipe", required=False, type=click.Path(path_type=Path))(command)


def collect_values(
    flags: dict[str, Any], settings: Iterable[str], table: dict[str, Any]
) -> dict[str, Any]:
    """What flags and `--set` say, by key: {"steps": 20, "harmonizer.gamma": 0.5}.

    table  of the recipe file, which they are laid over
    """
    values = {name: value for name, value in flags.items() if value not in (None, ())}
    fast, fastest = (values.pop(name, False) for name in ("fast", "fastest"))
    if fast and fastest:
        raise ReconError("--fast and --fastest exclude each other; leave one out")
    if fast or fastest:
        values = speed_up(table, values, most=fastest)
    for flag, option in (("preset", "preset"), ("train_steps", "steps")):
        if flag in values:
            values[f"denoiser.{option}"] = values.pop(flag)
    if "fraction" in values:
        values |= parse_fractions(values.pop("fraction"))
    if "stretch" in values:
        values["denoiser.stretch"] = parse_stretch(values.pop("stretch"))
    if "blend" in values:
        values |= parse_blend(values.pop("blend"))
    for name, options in parse_settings(settings).items():
        if name not in CHOSEN:
            raise unknown("table in --set", name, CHOSEN)
        values |= {f"{name}.{option}": value for option, value in options.items()}
    return values


def parse_fractions(text: str) -> dict[str, Any]:
    """What --fraction says: a number for each phase, or a profile along an axis."""
    try:
        axis, values = parse_profile(text)
        if axis is not None:
            return {"harmonizer.profile": values, "harmonizer.profile_axis": axis}
        return {"harmonizer.fraction": [float(part) for part in text.split(",")]}
    except ValueError:
        message = f"--fraction must be numbers such as 0.35,0.65, or z:0.3..0.5, got {text!r}"
        raise ReconError(message) from None


def parse_profile(text: str) -> tuple[str | None, list[float]]:
    """Axis and numbers of `z:0.3..0.5`; None and nothing for what names no axis."""
    axis, colon, profile = text.partition(":")
    if not colon or axis.strip() not in AXES:
        return None, []
    return axis.strip(), [float(part) for part in profile.split("..")]


def parse_stretch(text: str) -> list[float]:
    """What --stretch says, along (z, y, x)."""
    factors = dict.fromkeys(AXES, 1.0)
    for part in text.split(","):
        axis, equals, factor = (word.strip() for word in part.partition("="))
        try:
            factors[axis], known = float(factor), axis in AXES
        except ValueError:
            known = False
        if not known:
            raise ReconError(f"--stretch must be factors by axis such as z=2,x=0.5, got {text!r}")
    return [factors[axis] for axis in AXES]


def parse_blend(text: str) -> dict[str, Any]:
    """What --blend says: another material and its share, everywhere or along an axis."""
    name, _, share = text.rpartition("=")
    try:
        axis, values = parse_profile(share)
        values = values if axis is not None else [float(share)]
    except ValueError:
        name = ""
    if not name:
        raise ReconError(
            "--blend must be WEIGHTS=SHARE, such as 'other.safetensors=z:0..1' or "
            f"'other.safetensors=0.3', got {text!r}"
        )
    found = {"harmonizer.blend": name, "harmonizer.blend_share": values}
    return found if axis is None else found | {"harmonizer.blend_axis": axis}


def read_recipe(path: Path | None) -> dict[str, Any]:
    """The table of a recipe file; its paths are relative to its folder, bundled names are not."""
    if path is None:
        return {}
    table, base = read_toml(path, "recipe"), path.parent
    for key in ("micrographs", "weights"):
        value = table.get(key)
        # A folder may bear a name. Unlike Path's, these are False for a path that cannot be.
        there = os.path.isfile if key == "weights" else os.path.exists
        if isinstance(value, str) and there(base / value):
            table[key] = str(base / value)
    for place, anchor in enumerate(table["anchors"] if _is_texts(table, "anchors") else ()):
        plane, number, image = parse_anchor(anchor)
        if os.path.exists(base / image):
            table["anchors"][place] = f"{plane}:{number}={base / image}"
    for key in (*TABLES, *LISTS):
        entries = [table.get(key)] if key in TABLES else table.get(key)
        for entry in entries if isinstance(entries, list) else ():
            for option in PATHS & entry.keys() if isinstance(entry, dict) else ():
                value = entry[option]
                if isinstance(value, str) and os.path.isfile(base / value):
                    entry[option] = str(base / value)
    return table


def _is_texts(table: dict[str, Any], key: str) -> bool:
    """Whether a key holds a list of texts; anything else is refused when the recipe is made."""
    value = table.get(key)
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
