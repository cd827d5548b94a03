"""`--set KIND.OPTION=VALUE` and what flags share."""

import tomllib
from collections.abc import Callable, Iterable
from typing import Any

import click

from recon.core.errors import ReconError


def parse_settings(settings: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`("harmonizer.gamma=0.5",)` as {"harmonizer": {"gamma": 0.5}}; values are TOML or text."""
    tables: dict[str, dict[str, Any]] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        table, dot, name = key.strip().partition(".")
        if not (equals and dot and table and name):
            raise ReconError(f"--set must be KIND.OPTION=VALUE, got {setting!r}")
        tables.setdefault(table, {})[name] = parse_value(text.strip())
    return tables


def parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if text.startswith("[") and text.endswith("]"):  # [pore,binder]
            return [parse_value(item.strip()) for item in text[1:-1].split(",")]
        return text


def format_help(help: str, default: object = None, range: str = "") -> str:
    """A help text that ends as click's own do, for a flag whose default and range others keep.

    Flags of a recipe are None until given, so that the recipe file wins over a default, and the
    recipe checks what they are given.
    """
    facts = [f"default: {default}"] * (default is not None) + [range] * bool(range)
    return f"{help}  [{'; '.join(facts)}]" if facts else help


def device_flag(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flag --device."""
    from recon.core.recipe import DEVICES  # imports more than all else here

    help = format_help("Device for the computation; auto uses a GPU if there is one.", "cpu")
    return click.option("--device", type=click.Choice(DEVICES), help=help)(command)


def report_flag(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flag --no-report."""
    return click.option(
        "--no-report",
        "report",
        flag_value=False,
        type=bool,
        default=True,
        help="Do not write report.html, to save a few seconds.",
    )(command)


def set_flag(of: str = "KIND") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The flag --set, for every option of every plugin, named by its kind or as `of` says."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar=f"{of}.OPTION=VALUE",
        help="An option of a plugin; `recon plugins` lists them. May be given many times.",
    )
