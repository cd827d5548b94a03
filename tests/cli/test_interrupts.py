"""Signals while a command is at work."""

import contextlib
import logging
import signal
import subprocess
import sys
import time

import pytest
from dask.tokenize import tokenize

from recon.cli.interrupts import Interrupt, Stopped, listen


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_the_command_and_one_that_follows_does_not_disturb(number):
    put_in_order = []
    with pytest.raises(Interrupt), listen() as received:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(signal.SIGTERM)
            put_in_order.append(True)
    assert received.number == number and put_in_order
    stopped = Stopped(received.number)
    assert stopped.exit_code == 128 + number
    assert "\n" not in stopped.format_message()


def test_one_that_falls_into_a_destructor_is_not_lost():
    class Falls:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupt), listen():
        falls = Falls()
        del falls
        time.sleep(60)


LINKED = """
import gc
import signal
from llvmlite.binding import ffi
from numba import njit
from recon.cli.interrupts import Interrupt, listen

link = ffi.lib.LLVMPY_LinkModules

def interrupted(*modules):
    error = link(*modules)
    signal.raise_signal(signal.SIGTERM)
    return error

ffi.lib._fntab["LLVMPY_LinkModules"] = interrupted
try:
    with listen():
        while True:
            njit(lambda: 1)()
except Interrupt:
    gc.collect()
    print("ended")
"""


def test_one_that_falls_into_the_linking_of_compiled_code_does_not_crash():
    """llvmlite owns a module there that LLVM has freed."""
    ended = subprocess.run([sys.executable, "-c", LINKED], capture_output=True, text=True)
    assert (ended.stdout, ended.returncode) == ("ended\n", 0), ended.stderr


class Sends:
    """Sends the signal while it is written to a log, or pickled."""

    def __str__(self):
        signal.raise_signal(signal.SIGTERM)
        return "a line"

    def __reduce__(self):
        signal.raise_signal(signal.SIGTERM)
        return Sends, ()


@pytest.mark.parametrize("work", [logging.getLogger("recon").warning, tokenize])
def test_one_that_a_library_would_mistake_comes_after_it(work, caplog):
    ended = False
    with pytest.raises(Interrupt), listen():
        work(Sends())
        ended = True
        time.sleep(60)
    assert ended


def test_without_a_signal_all_is_as_it_was():
    before = signal.getsignal(signal.SIGTERM)
    with listen():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with listen() as received:
        signal.raise_signal(signal.SIGINT)
    assert received.number is None


def test_a_command_is_ended_in_one_line(recon, monkeypatch):
    monkeypatch.setattr("recon.cli.plugins.catalog", lambda: signal.raise_signal(signal.SIGTERM))
    result = recon("plugins", code=143)
    (line,) = result.stderr.splitlines()
    assert line.startswith("terminated; ")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_one_beside_the_command_itself_is_the_same_line(recon, monkeypatch, moment):
    """While the handlers are there, but no command yet or none any more."""

    @contextlib.contextmanager
    def interrupted():
        if moment == "before":
            signal.raise_signal(signal.SIGTERM)
        yield
        if moment == "after":
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("recon.cli.announce_loading", interrupted)
    (line,) = recon("plugins", code=143).stderr.splitlines()
    assert line.startswith("terminated; ")


def test_a_crash_says_where_it_was():
    crash = "import sys; sys.argv[0] = 'recon'; import recon.cli, signal; signal.raise_signal(11)"
    ended = subprocess.run([sys.executable, "-c", crash], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGSEGV
    assert "Segmentation fault" in ended.stderr and 'File "<string>"' in ended.stderr
