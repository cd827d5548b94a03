"""Fuzzing of all that recon reads: each broken input is read, or refused by a ReconError.

Anything else is a finding: another exception, more than 10 seconds, more than 1 GB of memory, a
warning of numpy, something printed, a crash of the process. Findings are kept as small files,
which tests/faults/test_corpus.py replays once they are mended and moved to tests/faults/corpus.

    python benchmarks/faults/fuzz.py --inputs 12000 --seed 0
"""

import base64
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import attrs
import click
from targets import TARGETS, Files

from recon.core import ReconError

BATCH = 250
SECONDS = 10
MEMORY = 10**9


@attrs.frozen
class Finding:
    """An input that was neither read nor refused as it should be, and what happened."""

    target: str
    number: int
    why: str


def made(target: str, seed: int, number: int) -> Files:
    """The input of a number; a function of target, seed and number alone."""
    rng = random.Random(f"{target} {seed} {number}")
    sound = TARGETS[target].sound()
    return TARGETS[target].broken(rng.choice(sound), rng.choice(sound), rng)


def laid_out(files: Files, folder: Path) -> None:
    """Write an input to an empty folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def fault(target: str, folder: Path) -> str | None:
    """Read an input: None when it was read, "" when refused, else what was wrong about that."""
    refused = None
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            TARGETS[target].read(folder)
        except ReconError as error:
            cause: BaseException | None = error
            while cause is not None:
                # What a chunk of zarr claims is asked for and refused here, elsewhere not touched.
                if isinstance(cause, MemoryError) and "a chunk claims" not in str(error):
                    return f"out of memory: {error}"
                cause = cause.__cause__ or cause.__context__
            if not str(error).strip() or "\n" in str(error):
                return f"a message that is not one line: {error!r}"
            refused = ""
        except BaseException as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            return f"{type(error).__name__}: {str(error)[:150]} ({place})"
    told = [str(one.message) for one in raised if issubclass(one.category, RuntimeWarning)]
    return f"a warning: {told[0]}" if told else refused


def batch(target: str, seed: int, numbers: range, told: Connection) -> None:
    """In a process of its own: read the inputs and tell (number, fault) of each."""
    os.environ["RECON_MAX_IMAGE"] = "300MB"  # more would go beyond the memory given here
    TARGETS[target].sound()
    signal.signal(signal.SIGALRM, _too_long)
    printed = tempfile.TemporaryFile()  # noqa: SIM115  as long as the process
    os.dup2(printed.fileno(), 1)
    os.dup2(printed.fileno(), 2)
    for number in numbers:
        told.send((number, None, False))
        folder = Path(tempfile.mkdtemp())
        laid_out(made(target, seed, number), folder)
        limit = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (limit + MEMORY, resource.RLIM_INFINITY))
        before = printed.tell()
        signal.alarm(SECONDS)
        why = fault(target, folder)
        why = why.replace(str(folder), "FOLDER") if why else why
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        if not why and os.lseek(printed.fileno(), 0, os.SEEK_END) > before:
            printed.seek(before)
            why = f"printed: {printed.read()[:150]!r}"
            printed.seek(0, os.SEEK_END)
        shutil.rmtree(folder)
        told.send((number, why, True))


class TooLong(BaseException):
    """An input took more than SECONDS."""


def _too_long(*_: Any) -> None:
    raise TooLong(f"more than {SECONDS} s")


def findings(target: str, seed: int, numbers: range) -> tuple[list[Finding], int]:
    """What is wrong about a target, and how many inputs were refused as they should be.

    Batch by batch; one that dies goes on after the input.
    """
    rows: list[Finding] = []
    refused = 0
    first = numbers.start
    while first < numbers.stop:
        last = min(first + BATCH, numbers.stop)
        ours, theirs = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context("fork")
        process = context.Process(target=batch, args=(target, seed, range(first, last), theirs))
        process.start()
        theirs.close()
        number, done = first, True
        try:
            while number < last:
                if not ours.poll(4 * SECONDS):
                    process.kill()
                number, why, done = ours.recv()
                refused += why == ""
                if why:
                    rows.append(Finding(target, number, why))
                if done and number == last - 1:
                    break
        except EOFError:
            process.join()
            if not done:
                rows.append(Finding(target, number, f"the process ended, {process.exitcode}"))
            elif number < last - 1:
                raise RuntimeError(f"the harness failed on {target} {number}") from None
        process.join()
        first = number + 1
    return rows, refused


def keep(one: Finding, seed: int, folder: Path) -> Path:
    """Write the input of a finding as JSON: paths and base64."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.target}-{seed}-{one.number}.json"
    files = made(one.target, seed, one.number)
    path.write_text(packed(files, one.why))
    return path


def packed(files: Files, why: str) -> str:
    """An input as JSON, with what it once did."""
    coded = {name: base64.b64encode(data).decode() for name, data in files.items()}
    return json.dumps({"was": why, "files": coded}, indent=1) + "\n"


def unpacked(path: Path) -> Files:
    """The input of a file of `keep`."""
    files = json.loads(path.read_text())["files"]
    return {name: base64.b64decode(data) for name, data in files.items()}


@click.command()
@click.option("--inputs", default=12000, show_default=True, help="How many in all.")
@click.option("--seed", default=0, show_default=True)
@click.option("--target", "names", multiple=True, type=click.Choice(list(TARGETS)))
@click.option("--keep", "kept", type=click.Path(path_type=Path), default=Path("fuzz-findings"))
def main(inputs: int, seed: int, names: tuple[str, ...], kept: Path) -> None:
    """Break files of every kind that recon reads and see what it makes of them."""
    names = names or tuple(TARGETS)
    each = -(-inputs // len(names))
    total = 0
    click.echo(f"{'target':<12} {'inputs':>7} {'refused':>8} {'findings':>8} {'seconds':>8}")
    for name in names:
        begun = time.perf_counter()
        result, refused = findings(name, seed, range(each))
        total += len(result)
        seconds = time.perf_counter() - begun
        click.echo(f"{name:<12} {each:>7} {refused:>8} {len(result):>8} {seconds:>8.0f}")
        kinds = Counter(one.why for one in result)
        for why, count in kinds.most_common():
            example = next(one for one in result if one.why == why)
            click.echo(f"  {count} x {why}\n      {keep(example, seed, kept)}")
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
