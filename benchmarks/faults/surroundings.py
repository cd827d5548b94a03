"""A full disk, a read-only folder, no memory, files that go, signals, and two commands at once.

Each fault is put before the commands that can meet it. A command must end with exit code 2 (130 or
143 after a signal) and one line on stderr, leave nothing half-written under a final name, and once
the fault is gone, it or --resume must end as if there had been none.
"""

import contextlib
import functools
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import click
from forked import Running, start
from outputs import Outputs, final, litter
from scenarios import SCENARIOS, inputs

TRIES = 10
"""Times that a command may end before a second one has begun."""
LONGEST = 120.0
"""Seconds after which a command hangs."""


@attrs.define
class Case:
    """One fault, one command.

    said  the line that the user saw;  faults  what should not have been
    """

    fault: str
    command: str
    code: int | None = None
    said: str = ""
    faults: list[str] = attrs.field(factory=list)


@attrs.frozen
class Bench:
    """Works and what they leave when nothing is wrong."""

    at: Path
    scratch: Path

    @functools.cache  # noqa: B019
    def unbroken(self, name: str) -> tuple[Outputs, float]:
        """Outputs and seconds."""
        place = self.place(f"unbroken {name}")
        begun = time.monotonic()
        running = self.start(name, place)
        if running.wait():
            raise click.ClickException(f"{name}, unbroken: {running.errors.read_text()}")
        return final(place), time.monotonic() - begun

    def place(self, name: str) -> Path:
        """An empty folder."""
        count = len(list(self.scratch.iterdir()))
        path = self.scratch / f"{name.split()[0]}-{count}"
        path.mkdir()
        return path

    def start(self, name: str, place: Path, before: Callable[[], None] | None = None) -> Running:
        """Begin a work or go on with it."""
        scenario = SCENARIOS[name]
        return start(scenario.arguments(self.at, place), place, slabs=scenario.slabs, before=before)

    def ended(self, case: Case, running: Running, codes: tuple[int, ...]) -> None:
        """Note how a command ended that had to end so."""
        try:
            case.code = running.wait(LONGEST)
        except TimeoutError as error:
            case.faults.append(str(error)[-500:])
            return
        told = running.told()
        if case.code:
            case.said = told[-1] if told else ""
        if case.code not in codes:
            told_last = told[-3:] if case.code > 0 else told  # a crash says where it was
            case.faults.append(f"exit code {case.code} and not {codes}: {told_last}")
        errors = [line for line in told if not line.startswith(("notice: ", "warning: "))]
        if case.code > 0 and len(errors) != 1:
            case.faults.append(f"{len(errors)} lines: {errors[:2]} ... {errors[-1:]}")

    def whole(self, case: Case, place: Path) -> None:
        """Whatever stands under a final name is as it should be."""
        expected, _ = self.unbroken(case.command)
        for name, files in final(place).items():
            there = expected.get(name, {})
            if name.endswith("table.csv"):
                there = {row: value for row, value in there.items() if row in files}
            if files != there:
                case.faults.append(f"half-written: {name}")

    def goes_on(self, case: Case, place: Path) -> None:
        """Without the fault it ends as if there had been none."""
        if not SCENARIOS[case.command].done(place):
            running = self.start(case.command, place)
            if running.wait(LONGEST):
                case.faults.append(f"does not go on: {running.told()[-3:]}")
        if final(place) != self.unbroken(case.command)[0]:
            case.faults.append("another result in the end")
        if left := litter(place):
            case.faults.append(f"litter in the end: {left}")


def full_disk(bench: Bench, name: str, kilobytes: int) -> Case:
    """A file system of a few kilobytes."""
    case = Case(f"disk of {kilobytes} kB", name)
    place = bench.place("trial")
    with mounted(place, f"size={kilobytes}k"):
        bench.ended(case, bench.start(name, place), (2,))
        bench.whole(case, place)
        subprocess.run(["mount", "-o", "remount,size=200m", place], check=True)
        bench.goes_on(case, place)
    return case


def small_files(bench: Bench, name: str, kilobytes: int) -> Case:
    """ulimit -f: no file larger than this."""
    case = Case(f"files of {kilobytes} kB at most", name)
    place = bench.place("trial")
    limit = functools.partial(limited, resource.RLIMIT_FSIZE, kilobytes * 1024)
    bench.ended(case, bench.start(name, place, limit), (2,))
    bench.whole(case, place)
    bench.goes_on(case, place)
    return case


def read_only(bench: Bench, name: str) -> Case:
    """A file system, or where that cannot be mounted a folder, that cannot be written to."""
    case = Case("read-only folder", name)
    place = bench.place("trial")
    with unwritable(place):
        bench.ended(case, bench.start(name, place), (2,))
        if list(place.iterdir()):
            case.faults.append("something was written")
    bench.goes_on(case, place)
    return case


def no_memory(bench: Bench, name: str, megabytes: int) -> Case:
    """Little more address space than the imports have taken; it may just suffice."""
    case = Case(f"{megabytes} MB of memory beyond the imports", name)
    place = bench.place("trial")
    limit = functools.partial(little_memory, megabytes)
    # LLVM, where numba compiles, ends the process itself when it gets none.
    bench.ended(case, bench.start(name, place, limit), (0, 2, -signal.SIGABRT))
    bench.whole(case, place)
    if case.code:
        bench.goes_on(case, place)
    return case


def signalled(bench: Bench, name: str, number: signal.Signals, chance: random.Random) -> Case:
    """A signal to all processes, as a terminal sends it, at a random moment."""
    seconds = bench.unbroken(name)[1]
    moment = chance.uniform(0, 0.7 * seconds)
    case = Case(f"{number.name} to the group", name)
    place = bench.place("trial")
    running = bench.start(name, place)
    running.process.join(moment)
    with contextlib.suppress(ProcessLookupError):
        running.signal(number)
    bench.ended(case, running, (128 + number, 0))
    bench.whole(case, place)
    if SCENARIOS[name].resume or case.code:
        bench.goes_on(case, place)
    return case


def twice(bench: Bench, name: str) -> Case:
    """The same command once more while the first is at work."""
    case = Case("a second one at once", name)
    for _ in range(TRIES):  # until it is at work, and not done
        place = bench.place("trial")
        words, slabs = SCENARIOS[name].arguments(bench.at, place), SCENARIOS[name].slabs
        first = start(words, place, slabs=slabs)
        until = time.monotonic() + LONGEST
        while not litter(place) and not first.ended and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(0.02)  # what it has made it holds by now
        with contextlib.suppress(ProcessLookupError):
            first.signal(signal.SIGSTOP)
        if not first.ended:
            break
    errors = first.errors.rename(first.errors.with_suffix(".first"))
    # The file of measure may be replaced: a second one comes in between when the first has written.
    bench.ended(case, start(words, place, slabs=slabs), (0, 2) if name == "measure" else (2,))
    first.signal(signal.SIGCONT)
    if code := first.wait(LONGEST):
        case.faults.append(
            f"the first was disturbed, exit code {code}: {errors.read_text()[-300:]}"
        )
    if final(place) != bench.unbroken(name)[0]:
        case.faults.append("the first has another result")
    if left := litter(place):
        case.faults.append(f"litter in the end: {left}")
    return case


def gone(bench: Bench, what: str, name: str) -> Case:
    """An input that is removed while a command has been killed."""
    bench.unbroken(name)  # while the input is there
    case = Case(f"{what} removed before it goes on", name)
    place, away = bench.place("trial"), bench.scratch / f"away-{what}"
    running = bench.start(name, place)
    until = time.monotonic() + LONGEST
    while not any("safetensors" in left or "checkpoint" in left for left in litter(place)):
        if running.ended or time.monotonic() > until:
            break
        time.sleep(0.002)
    running.kill()
    shutil.move(bench.at / what, away)
    try:
        bench.ended(case, bench.start(name, place), (2,))
        bench.whole(case, place)
    finally:
        shutil.move(away, bench.at / what)
    bench.goes_on(case, place)
    return case


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    """A file system in memory at a folder; needs the right to mount."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@contextlib.contextmanager
def unwritable(place: Path) -> Iterator[None]:
    """Nobody, or for want of the right to mount no user but root, can write to a folder."""
    if may_mount():
        with mounted(place, "ro"):
            yield
        return
    place.chmod(0o555)
    yield
    place.chmod(0o755)


@functools.cache
def may_mount() -> bool:
    """Whether this user may mount."""
    with tempfile.TemporaryDirectory() as place:
        try:
            with mounted(Path(place), "size=64k"):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


def limited(kind: int, amount: int) -> None:
    """Lower a limit of this process."""
    resource.setrlimit(kind, (amount, amount))


def little_memory(megabytes: int) -> None:
    """Lower the limit of address space to what is taken and a little."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limited(resource.RLIMIT_AS, pages * os.sysconf("SC_PAGE_SIZE") + megabytes * 2**20)


def cases(bench: Bench, seed: int) -> Iterator[Callable[[], Case]]:
    """All of them."""
    chance = random.Random(seed)
    writing = ("import", "train", "run", "run in slabs", "measure", "export", "sweep")
    for name in writing:
        for kilobytes in (8, 40, 160) if may_mount() else ():
            yield functools.partial(full_disk, bench, name, kilobytes)
        if name == "run in slabs" and may_mount():  # less than 415 kB is refused at once
            yield functools.partial(full_disk, bench, name, 420)
        yield functools.partial(small_files, bench, name, 2)
        yield functools.partial(read_only, bench, name)
        for megabytes in (1, 8, 30):
            yield functools.partial(no_memory, bench, name, megabytes)
        yield functools.partial(twice, bench, name)
    for name in SCENARIOS:
        for number in (signal.SIGINT, signal.SIGTERM):
            for _ in range(3):
                yield functools.partial(signalled, bench, name, number, chance)
    yield functools.partial(gone, bench, "m.zarr", "train")
    yield functools.partial(gone, bench, "m.zarr", "run that trains")
    yield functools.partial(gone, bench, "w.safetensors", "run with weights")


@click.command(help=__doc__)
@click.option("--seed", default=0, show_default=True, help="Of the moments of signals.")
@click.option("--only", default="", help="Only cases whose fault or command holds this text.")
def main(seed: int, only: str) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        scratch.chmod(0o755)
        bench = Bench(inputs(scratch / "inputs"), scratch)
        for case in cases(bench, seed):
            if only in f"{case.func.__name__} {case.args[1:]}":  # type: ignore[attr-defined]
                rows.append(case())
                click.echo(row(rows[-1]))
                for fault in rows[-1].faults:
                    click.echo(f"  {fault}", err=True)
    bad = sum(bool(case.faults) for case in rows)
    click.echo(f"{len(rows)} cases, {bad} with faults")
    if bad:
        raise SystemExit(1)


def row(case: Case) -> str:
    """Of the table."""
    state = "FAULT" if case.faults else "survived"
    return f"| {case.fault} | {case.command} | {case.code} | {case.said} | {state} |"


if __name__ == "__main__":
    main()
