"""Progress with time left: bars on a terminal, a plain line now and then elsewhere."""

import time
from types import TracebackType

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

LINE_EVERY = 15.0
"""Seconds between plain lines."""


class Shown:
    """Call it with what is being done, steps done, steps in all and a word on the state."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bars: Progress | None = None
        if console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[state]}"),
                console=console,
            )
        self._tasks: dict[str, TaskID] = {}
        self._first: dict[str, tuple[float, int]] = {}
        self._last = 0.0

    def __enter__(self) -> "Shown":
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, what: str, done: int, total: int, state: str = "") -> None:
        if self._bars is None:
            self._line(what, done, total, state)
            return
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total, state=state)
        self._bars.update(self._tasks[what], completed=done, total=total, state=state)

    def _line(self, what: str, done: int, total: int, state: str) -> None:
        now = time.monotonic()
        begin, first = self._first.setdefault(what, (now, done))
        # The first line of a task comes soon, so that its length is known early.
        due = LINE_EVERY if now - begin > LINE_EVERY else 3.0
        if now - max(self._last, begin) < due or not first < done < total:
            return
        self._last = now
        left = (now - begin) / (done - first) * (total - done)
        tail = f", {state}" if state else ""
        click.echo(f"{what}: {done}/{total}, {left:.0f} s left{tail}", err=True)
