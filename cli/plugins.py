"""`recon plugins`: what is installed."""

import sys
from importlib.metadata import version

import click
from rich.console import Console
from rich.table import Table

from recon.cli.completion import all_plugin_names
from recon.core.catalog import Entry, catalog
from recon.core.errors import unknown


@click.command()
@click.argument("name", required=False, shell_complete=all_plugin_names)
def command(name: str | None) -> None:
    """List the installed plugins, or the options of one."""
    entries = [entry for entry in catalog() if name in (None, entry.name)]
    for _, each in catalog().commands if name is not None else ():
        if each.name == name:
            click.echo(each.get_help(click.Context(each, info_name=name)))
            return
    if name is not None and not entries:
        raise unknown("plugin", name, {entry.name for entry in catalog()})
    if name is not None:
        for entry in entries:
            _describe(entry)
        return
    rows = [_row(entry) for entry in entries]
    rows += [
        ("command", str(each.name), package, version(package), "")
        for package, each in catalog().commands
    ]
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
    settings = " ".join(f"{one.name}={one.default}" for one in entry.summary.options)
    return entry.kind, entry.name, entry.package, entry.version, settings


def _describe(entry: Entry) -> None:
    click.echo(f"{entry.kind} {entry.name} ({entry.package} {entry.version})")
    click.echo(entry.summary.doc)
    for one in entry.summary.options:
        limits = f", {one.rule}" if one.rule else ""
        trained = ", fixed by training" if one.trained else ""
        click.echo(f"  {one.name} = {one.default}  ({one.type}{limits}{trained})")
        click.echo(f"      {one.help}")
