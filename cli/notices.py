"""What recon logs, shown as lines beside the results."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click


class Lines(logging.Handler):
    """Writes to stderr, as it is at the time: --quiet and progress bars replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(record.getMessage(), err=True)


@contextmanager
def show_notices() -> Iterator[None]:
    """Show what is logged from the level of information on while a command runs."""
    log, lines = logging.getLogger("recon"), Lines()
    before = log.level
    log.addHandler(lines)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(lines)
        log.setLevel(before)
