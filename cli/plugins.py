"""`recon plugins`: what is installed."""

import inspect
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from recon.cli.completion import all_plugin_names
from recon.core.catalog import Entry, catalog
from recon.core.errors import unknown
from recon.core.options import options, rule, type_name


@click.command()
@click.argument("name", required=False, shell_complete=all_plugin_names)
def command(name: str | None) -> None:
    """List the installed plugins, or the options of one."""
    entries = [entry for entry in catalog() if name in (None, entry.cls.name)]
    if name is not None and not entries:
        raise unknown("plugin", name, {entry.cls.name for entry in catalog()})
    if name is not None:
        for entry in entries:
            _describe(entry)
        return
    rows = [_row(entry) for entry in entries]
    if sys.stdout.isatty():
        table = Table("kind", "name", "package", "version", "options")
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    else:
        for row in rows:
            click.echo("\t".join(row))
    for package, reason in catalog().broken.items():
        click.echo(f"not loaded: {package}: {reason}", err=True)


def _row(entry: Entry) -> tuple[str, ...]:
    settings = " ".join(
        f"{key}={shown(field.default)}" for key, field in options(entry.cls).items()
    )
    return entry.cls.kind, entry.cls.name, entry.package, entry.version, settings


def _describe(entry: Entry) -> None:
    click.echo(f"{entry.cls.kind} {entry.cls.name} ({entry.package} {entry.version})")
    click.echo(inspect.getdoc(entry.cls) or "")
    for key, field in options(entry.cls).items():
        known = rule(field)
        limits = f", {known}" if str(known) else ""
        trained = ", fixed by training" if known.trained else ""
        click.echo(f"  {key} = {shown(field.default)}  ({type_name(field)}{limits}{trained})")
        click.echo(f"      {known.help}")


def shown(value: Any) -> str:
    """A default as one would write it after `--set`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ",".join(shown(item) for item in value) + "]"
    return "none" if value is None else str(value)
