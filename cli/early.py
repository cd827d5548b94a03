"""Signals before the command can hear them give one line and the exit code, too; a crash of
compiled code says where it was."""

import faulthandler
import os
import signal
import sys
from pathlib import Path
from types import FrameType

PROGRAMS = ("-m", "recon", "recon.exe")
"""sys.argv[0] while recon.cli is imported to be run, and not by another program."""
STDERR = 2
"""Its descriptor."""


def end_process(number: int, frame: FrameType | None) -> None:
    """Nothing has begun and nothing is to be put in order."""
    word = b"interrupted\n" if number == signal.SIGINT else b"terminated\n"
    os.write(STDERR, word)
    os._exit(128 + number)


def listen() -> None:
    """Both signals end the process so, but for one that is ignored (nohup); a crash is reported."""
    faulthandler.enable(STDERR)
    for each in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, end_process)


if Path(sys.argv[0]).name in PROGRAMS and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
    listen()
