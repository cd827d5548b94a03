"""Loops that numba compiles: once for a machine, since the result is kept on disk.

Compiling takes the longest where there is most to write out: array expressions (loops over
elements take a tenth of the time), every further signature, parallel loops, slices.
"""

import gc
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from numba import get_num_threads, njit
from numba.core import event

from recon.core.sampling.threads import keep_threads

NOTICE_AFTER = 0.5
"""Seconds of compiling from which on it is worth a line."""

NO_CALLBACK: dict[str, Any] = {"no_cfunc_wrapper": True}
NO_ENTRY: dict[str, Any] = {"no_cpython_wrapper": True}
log = logging.getLogger(__name__)
Function = TypeVar("Function", bound=Callable[..., Any])


class Compile(Protocol):
    """A decorator that leaves the types as they are."""

    def __call__(self, function: Function) -> Function: ...


def count_threads() -> int:
    """numba's number of threads. Its first answer in a process starts them, which by OpenMP would
    make their number torch's, too."""
    with keep_threads():
        return int(get_num_threads())


def kernel(**options: Any) -> Compile:
    """Compile a function that Python calls; its loops run without the GIL.

    options  of `numba.njit`
    """
    compile: Compile = njit(cache=True, nogil=True, **NO_CALLBACK, **options)
    return compile


def subroutine(**options: Any) -> Compile:
    """Compile a function that only kernels call: a part of them, with no way in from Python."""
    compile: Compile = njit(**NO_CALLBACK, **NO_ENTRY, **options)
    return compile


class Watch(event.Listener):
    """Logs one line when compiling recon's own functions takes more than a moment, and lets the
    garbage collector rest meanwhile, which would take a sixth of the time.

    numba tells of a function only when it is not on disk, and of those that it calls in between;
    it holds a lock meanwhile.
    """

    def __init__(self) -> None:
        self.depth, self.begin, self.spent = 0, 0.0, 0.0
        self.given = self.collecting = False

    def on_start(self, event: Any) -> None:
        now = time.monotonic()
        if self.depth == 0:
            if not str(event.data["dispatcher"].py_func.__module__).startswith("recon."):
                return
            self.begin, self.collecting = now, gc.isenabled()
            gc.disable()
        self.depth += 1
        if not self.given and self.spent + now - self.begin > NOTICE_AFTER:
            self.given = True
            log.info("compiling once for this machine")

    def on_end(self, event: Any) -> None:
        if self.depth == 0:
            return
        self.depth -= 1
        if self.depth == 0:
            self.spent += time.monotonic() - self.begin
            if self.collecting:
                gc.enable()


WATCH = Watch()
event.register("numba:compile", WATCH)
