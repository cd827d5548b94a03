"""`recon plugins --verify PACKAGE`: whether the plugins of a package keep their contracts."""

import click

from recon.core.catalog import Entry, catalog
from recon.core.errors import ReconError, unknown


def verify_package(package: str) -> None:
    """Print a line for each plugin; ReconError when one fails or the package does not load."""
    known = catalog()
    if package in known.broken:
        raise ReconError(f"package {package} does not load: {known.broken[package]}")
    entries = [entry for entry in known if entry.package == package]
    commands = [command for owner, command in known.commands if owner == package]
    if not entries and not commands:
        raise unknown("package with plugins", package, {entry.package for entry in known})
    failed = []
    for entry in entries:
        reason = _check(entry)
        click.echo(f"{entry.kind} {entry.name}: {reason or _passed(entry)}")
        failed += [f"{entry.kind} {entry.name}"] if reason else []
    for command in commands:
        click.echo(f"command {command.name}: loaded; commands have no check")
    if failed:
        raise ReconError(
            f"{len(failed)} of {len(entries)} plugins of {package} failed: {', '.join(failed)}"
        )


def _check(entry: Entry) -> str:
    """Why the plugin fails its check; empty when it passes."""
    try:
        from recon.core.testing import check_plugin
    except ModuleNotFoundError as error:
        raise ReconError(
            f"--verify needs the package {error.name}; pip install {error.name}"
        ) from None
    try:
        check_plugin(entry.cls)
    except MemoryError:  # no fault of the plugin
        raise
    except Exception as error:  # whatever the plugin of another author does
        what = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
        return f"FAILED, {what}{' '.join(str(error).split())}"
    return ""


def _passed(entry: Entry) -> str:
    if entry.kind == "reader":
        return "ok, except for reading: check_plugin(CLASS, FILE) reads a file that you give"
    return "ok"
