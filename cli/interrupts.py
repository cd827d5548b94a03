"""SIGINT and SIGTERM: one line, and the exit code that a shell expects."""

import _thread
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import attrs
import click

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
DEAF = 2.0
"""Seconds after a signal in which others are passed over: torchrun sends it on to processes that
the terminal has delivered already, and what is under way is to be left in order."""
AGAIN = 0.01
"""Seconds after which a signal that could not be answered comes again."""
DELICATE = (
    "llvmlite.",  # notes who owns a module only after LLVM has linked it: freed twice, it crashes
    "logging",  # releases a lock that it may not have taken yet
    "dask.tokenize",  # takes it for an error of pickle, and goes on
)
"""Beginnings of modules in whose functions nothing may be raised."""


class Interrupt(KeyboardInterrupt):
    """By a signal `number`.

    Not KeyboardInterrupt itself: Python ends by SIGINT when one has passed an exec().
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Stopped(click.ClickException):
    """A signal ended the command: one line, exit code 128 + its number."""

    def __init__(self, number: int) -> None:
        word = WORDS[signal.Signals(number)]
        super().__init__(f"{word}; run, train, sweep and design continue from here with --resume")
        self.exit_code = 128 + number  # type: ignore[misc]  # click itself reads it of the instance

    def show(self, file: Any = None) -> None:
        """Without the word Error."""
        click.echo(self.format_message(), file=file, err=file is None)


@attrs.define
class Received:
    """The signal that came first, and when; `ended` when nothing is left to be raised in.

    again  the moment at which one that could not be answered comes again
    """

    number: int | None = None
    moment: float = 0.0
    again: float = 0.0
    ended: bool = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise Interrupt wherever the command is."""
        if self.number is not None and time.monotonic() - self.moment < DEAF:
            return
        if self.ended:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        if is_delicate(frame):
            if time.monotonic() >= self.again:
                self.again = time.monotonic() + AGAIN
                come_again(number)
            return
        self.number, self.moment = number, time.monotonic()
        raise Interrupt(number)

    def resend(self, unraisable: Any) -> None:
        """What to do about an error that nobody hears of: an interrupt there is sent again."""
        if self.number is None or not issubclass(unraisable.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(unraisable)
            return
        number, self.number = self.number, None
        come_again(number)  # not from here: nobody would hear of that either


def come_again(number: int) -> None:
    """Send the main thread a signal a little later; but for Windows, it wakes what waits there."""
    send: tuple[Callable[..., None], tuple[int | None, ...]]
    if hasattr(signal, "pthread_kill"):
        send = signal.pthread_kill, (threading.main_thread().ident, number)
    else:
        send = _thread.interrupt_main, (number,)
    threading.Timer(AGAIN, *send).start()


def is_delicate(frame: FrameType | None) -> bool:
    """Whether a function of one of the DELICATE modules is under way."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(DELICATE):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def listen() -> Iterator[Received]:
    """Both signals raise KeyboardInterrupt in the block, and the yielded object knows which.

    One that is ignored stays so (nohup). After the block of a stopped command they end the process
    without a word: only what Python does at its end is left.
    """
    received = Received()
    before = {}
    hook = sys.unraisablehook
    try:
        if threading.current_thread() is threading.main_thread():
            for number in WORDS:
                if signal.getsignal(number) != signal.SIG_IGN:
                    before[number] = signal.signal(number, received)
        sys.unraisablehook = received.resend
        yield received
    finally:
        sys.unraisablehook = hook
        received.ended = True
        if received.number is None:
            for number, handler in before.items():
                signal.signal(number, handler)
