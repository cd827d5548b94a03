"""`recon plugins`: what is installed."""

import sys
from importlib.metadata import version

import click
from rich.console import Console
from rich.table import Table

from recon.cli.completion import all_plugin_names
from recon.cli.verify import verify_package
from recon.core.catalog import Entry, catalog
from recon.core.errors import unknown


@click.command()
@click.argument("name", required=False, shell_complete=all_plugin_names)
@click.option(
    "--verify",
    metavar="PACKAGE",
    help="Check the plugins of an installed package against the contract of their kinds.",
)
def command(name: str | None, verify: str | None) -> None:
    """List the installed plugins, or describe one with its options.

    If NAME is not the name of a plugin, the command searches for it in the descriptions: `recon
    plugins "formation factor"`. With --verify, the exit code is 2 if a plugin fails its check.
    """
    if verify is not None:
        verify_package(verify)
        return
    if name is not None:
        _find(name)
        return
    rows = [_row(entry) for entry in catalog()]
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


def _find(name: str) -> None:
    """Describe the plugins of a name, or list those whose description has the words."""
    for _, each in catalog().commands:
        if each.name == name:
            root = click.get_current_context().find_root()
            click.echo(each.get_help(click.Context(each, parent=root, info_name=name)))
            return
    entries = [entry for entry in catalog() if entry.name == name]
    for entry in entries:
        _describe(entry)
    if entries:
        others = [one for one in catalog() if f"`{name}`" in one.summary.doc and one.name != name]
    else:
        others = [entry for entry in catalog() if _mentions(entry, name)]
    if not entries and not others:
        raise unknown("plugin", name, {entry.name for entry in catalog()})
    for entry in others:
        click.echo(f"{'see also ' if entries else ''}{_summarize(entry)}")


def _mentions(entry: Entry, words: str) -> bool:
    """Whether the description of a plugin has the words, wherever its lines break."""
    description = " ".join([entry.name, *entry.summary.doc.split()]).lower().replace("_", " ")
    return " ".join(words.lower().replace("_", " ").split()) in description


def _summarize(entry: Entry) -> str:
    first = entry.summary.doc.partition("\n")[0]
    return f"{entry.kind} {entry.name}: {first}"


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
