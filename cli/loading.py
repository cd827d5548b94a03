"""A line on a terminal when loading what a command stands on takes long."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

PATIENCE = 3.0
"""Seconds without a sign of life."""


@contextmanager
def announce_loading() -> Iterator[None]:
    """Say so once, unless progress is shown by then or the command has ended."""
    timer = threading.Timer(PATIENCE, _announce)
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _announce() -> None:
    progress = sys.modules.get("recon.workflow.progress")
    display = getattr(progress, "ProgressDisplay", None)
    if not getattr(display, "shown", False) and sys.stderr.isatty():
        click.echo("loading", err=True)
