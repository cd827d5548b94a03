"""Progress with time left: bars on a terminal or in a notebook, else a line now and then."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

LINE_EVERY = 15.0
"""Seconds between plain lines."""
WORTH_A_LINE = 2.0
"""Seconds after which the time that something took is shown."""


class ProgressDisplay:
    """Call it with what is being done, steps done, steps in all and a word on the state.

    What is done in one step has no known end: its bar moves to and fro beside the time it took.
    """

    shown = False
    """Whether there has been one in this process."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bars: Progress | None = None
        # Without ipywidgets a notebook would show a warning at every refresh.
        widgets = console.is_jupyter and find_spec("ipywidgets") is not None
        if console.is_terminal or widgets:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                Clock(),
                TextColumn("{task.fields[state]}"),
                console=console,
            )
        self._tasks: dict[str, TaskID] = {}
        self._first: dict[str, tuple[float, int]] = {}
        self._last = 0.0

    def __enter__(self) -> "ProgressDisplay":
        ProgressDisplay.shown = True
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
        known = None if total == 1 and done == 0 else total
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=known, state=state)
        self._bars.update(self._tasks[what], completed=done, total=known, state=state)

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Show what is done in one step."""
        self(what, 0, 1)
        yield
        self(what, 1, 1)

    def _line(self, what: str, done: int, total: int, state: str) -> None:
        now = time.monotonic()
        begin, first = self._first.get(what, (now, done))
        if done < first:  # it is done once more
            begin, first = now, done
        self._first[what] = begin, first
        tail = f", {state}" if state else ""
        if first < done == total:
            self._first[what] = now, total
            if now - begin > WORTH_A_LINE:
                click.echo(f"{what}: done in {format_duration(now - begin)}{tail}", err=True)
            return
        # The first line of a task comes soon, so that its length is known early.
        due = LINE_EVERY if now - begin > LINE_EVERY else 3.0
        if now - max(self._last, begin) < due or not first < done < total:
            return
        self._last = now
        left = (now - begin) / (done - first) * (total - done)
        click.echo(f"{what}: {done}/{total}, {format_duration(left)} left{tail}", err=True)


class Clock(ProgressColumn):
    """Steps done and time left; the time it took when done or when nobody knows."""

    max_refresh = 0.5  # so that the estimate can be read

    def render(self, task: Task) -> Text:
        passed = format_duration(task.finished_time or task.elapsed or 0.0)
        if task.total is None or task.finished:
            return Text(f"{'in ' if task.finished else ''}{passed}")
        left = (
            "" if task.time_remaining is None else f", {format_duration(task.time_remaining)} left"
        )
        return Text(f"{task.completed:g}/{task.total:g}{left}")


def format_duration(seconds: float) -> str:
    """A duration as one says it: 42 s, 12 min, 3 h 20 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
