"""Commands that other packages bring by the hook recon_commands."""

import functools
from importlib.metadata import entry_points

import click

OURS = "recon.plugins"
"""Entry point of the bundled plugins, which bring no commands: those are in COMMANDS."""


@functools.cache
def packages_installed() -> bool:
    """Whether another package brings plugins, asked once in a process; nothing is imported."""
    return any(point.value != OURS for point in entry_points(group="recon"))


def outside_commands() -> dict[str, list[tuple[str, click.Command]]]:
    """Name -> the packages that offer such a command, each with it.

    The catalog is imported only where another package is installed: help is to be quick.
    """
    if not packages_installed():
        return {}
    from recon.core.catalog import catalog

    offers: dict[str, list[tuple[str, click.Command]]] = {}
    for package, command in catalog().commands:
        offers.setdefault(command.name, []).append((package, command))
    return offers


def find_command(name: str) -> click.Command | None:
    """The command of another package; ReconError where two packages have one of this name."""
    offers = outside_commands().get(name, [])
    if len(offers) > 1:
        from recon.core.errors import ReconError

        packages = " and ".join(package for package, _ in offers)
        raise ReconError(
            f"two commands are named {name!r}: {packages}; uninstall one or set "
            "RECON_DISABLED_PLUGINS"
        )
    return offers[0][1] if offers else None
