"""SIGKILL at random moments, again and again, then on to the end: as if nothing had happened.

Every command is killed with all its processes at seeded moments: every other one is spread over the
time that it takes unbroken, the rest over the removals, renamings and new folders that it makes, to
fall between two of them. A run on Dask in every second trial loses a worker only. After every kill,
whatever stands under a final name must be that of the unbroken command, whole; what was finished
must not be made anew; and in the end everything must be there, the same, and nothing else.
"""

import math
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import attrs
import click
import psutil
from forked import Running, start
from outputs import Outputs, final, litter, times
from scenarios import SCENARIOS, Scenario, inputs

LONGEST = 300
"""Seconds after which a command hangs."""
IN_A_ROW = 4
"""Kills of one trial, at most."""
GROWING = "table.csv"
"""The one output that is made anew as work goes on: whole at any time, and longer later."""
LASTING = (".zarr", ".safetensors")
"""What is work done: it stays as it is until the end."""


@attrs.define
class Tally:
    """What became of the kills of one command.

    changes  removals, renamings and new folders of the unbroken command
    halfway  kills that left something unfinished;  finished  outputs there before the end, kept
    """

    name: str
    seconds: float
    changes: int
    trials: int = 0
    kills: int = 0
    workers: int = 0
    halfway: int = 0
    finished: int = 0
    faults: list[str] = attrs.field(factory=list)


@attrs.frozen
class Trial:
    """A command in a folder of its own, compared with the unbroken one."""

    scenario: Scenario
    inputs: Path
    folder: Path
    unbroken: Outputs
    tally: Tally

    def start(self, die_at: int | None = None) -> Running:
        """Begin, or go on."""
        arguments = self.scenario.arguments(self.inputs, self.folder)
        return start(arguments, self.folder, die_at=die_at, slabs=self.scenario.slabs)

    def run(self, chance: random.Random, kills: int) -> None:
        """Kill it some times, then let it end."""
        self.tally.trials += 1
        by_worker = self.scenario.dask and self.tally.trials % 2 == 0
        for _ in range(kills):
            if self.scenario.done(self.folder):
                break
            before = self._lasting()
            moment = chance.uniform(0, self.tally.seconds)
            if by_worker:
                self._kill_worker(self.start(), moment, chance)
                self._same(before)
                break  # nothing is left to be done
            between = chance.random() < 0.5
            running = self.start(chance.randrange(self.tally.changes) if between else None)
            running.process.join(LONGEST if between else moment)
            if running.ended and running.process.exitcode != -signal.SIGKILL:
                self._ended(running)
                break
            running.kill()
            self.tally.kills += 1
            self.tally.halfway += bool(litter(self.folder))
            self.tally.finished += len(self._lasting())
            self._whole()
            self._same(before)
        before = self._lasting()
        if not self.scenario.done(self.folder):
            self._ended(self.start())
        self._same(before)
        self._whole()
        missing = sorted(self.unbroken.keys() - final(self.folder).keys())
        if missing:
            self._fault(f"missing in the end: {missing}")
        if litter(self.folder) and self.scenario.again:
            self._refused()  # killed when all stood, before the emptied folder was removed
        if left := litter(self.folder):
            self._fault(f"litter in the end: {left}")

    def _kill_worker(self, running: Running, moment: float, chance: random.Random) -> None:
        """Kill one worker of a cluster some time after it is there; the run goes on."""
        until = time.monotonic() + 60
        processes: list[psutil.Process] = []
        while not running.ended and len(processes) < 2 and time.monotonic() < until:
            time.sleep(0.02)
            processes = workers(running)
        time.sleep(moment / 4)
        if processes := [] if running.ended else workers(running):
            chance.choice(processes).kill()
            self.tally.kills += 1
            self.tally.workers += 1
            running.process.join(LONGEST)
            if "died while it was starting" in "".join(running.told()[-1:]):
                return  # one line, and the end of the trial goes on
        self._ended(running)

    def _ended(self, running: Running) -> None:
        try:
            code = running.wait()
        except TimeoutError as error:
            self._fault(str(error))
            return
        if code:
            self._fault(f"exit code {code}: {running.errors.read_text()[-2000:]}")

    def _refused(self) -> None:
        """The whole command, given again when its outputs stand, makes nothing and tidies up."""
        before = times(self.folder)
        running = start(self.scenario.whole(self.inputs), self.folder)
        code = running.wait()
        if code != 2 or times(self.folder) != before:
            self._fault(f"outputs that stood were not refused: exit code {code}")

    def _whole(self) -> None:
        """Whatever stands under a final name is that of the unbroken command."""
        for name, files in final(self.folder).items():
            expected = self.unbroken.get(name, {})
            if name.endswith(GROWING):
                expected = {row: value for row, value in expected.items() if row in files}
            if files != expected:
                wrong = [
                    f for f in files.keys() | expected.keys() if files.get(f) != expected.get(f)
                ]
                self._fault(f"{name} differs in {sorted(wrong)[:5]}")

    def _lasting(self) -> dict[str, int]:
        return {
            name: moment
            for name, moment in times(self.folder).items()
            if any(part.endswith(LASTING) for part in Path(name).parts)
        }

    def _same(self, before: dict[str, int]) -> None:
        """Nothing that was finished has been made anew."""
        now = self._lasting()
        if changed := sorted(name for name in before if now.get(name) != before[name]):
            self._fault(f"finished work was lost: {changed[:5]}")

    def _fault(self, what: str) -> None:
        self.tally.faults.append(f"trial {self.folder.name}: {what}")


def workers(running: Running) -> list[psutil.Process]:
    children = psutil.Process(running.process.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def unbroken(name: str, scenario: Scenario, at: Path, folder: Path) -> tuple[Outputs, float, int]:
    """What a command leaves, the seconds and the changes it takes; twice, the first compiles."""
    outputs, seconds = [], math.inf
    for number in range(2):
        place = folder / f"unbroken-{number}"
        place.mkdir(parents=True)
        begun = time.monotonic()
        running = start(scenario.arguments(at, place), place, slabs=scenario.slabs)
        code = running.wait()
        seconds = min(seconds, time.monotonic() - begun)
        if code or litter(place):
            raise click.ClickException(f"{name}, unbroken: {running.errors.read_text()}")
        outputs.append(final(place))
    first, second = outputs
    if first != second:
        differ = [key for key in first.keys() | second.keys() if first.get(key) != second.get(key)]
        raise click.ClickException(f"{name}: two unbroken commands differ in {differ}")
    return first, seconds, running.changes


def kill(name: str, kills: int, seed: int, at: Path, folder: Path) -> Tally:
    """Kill one command so many times."""
    scenario = SCENARIOS[name]
    expected, seconds, changes = unbroken(name, scenario, at, folder)
    tally = Tally(name, seconds, changes)
    chance = random.Random(f"{seed} {name}")
    while tally.kills < kills and tally.trials < 4 * kills + 4:
        place = folder / f"trial-{tally.trials}"
        place.mkdir()
        most = 2 if scenario.dask else IN_A_ROW
        Trial(scenario, at, place, expected, tally).run(chance, min(most, kills - tally.kills))
        shutil.rmtree(place)
    return tally


def table(tallies: Sequence[Tally]) -> str:
    """A row a command."""
    lines = [
        "| command | unbroken | trials | kills | left something unfinished | finished outputs that "
        "stood and stayed | faults |",
        "|---|---|---|---|---|---|---|",
    ]
    for t in tallies:
        kills = f"{t.kills} ({t.workers} of a worker)" if t.workers else f"{t.kills}"
        lines.append(
            f"| {t.name} | {t.seconds:.1f} s | {t.trials} | {kills} | {t.halfway} | {t.finished} | "
            f"{len(t.faults)} |"
        )
    total = sum(t.kills for t in tallies)
    lines.append(
        f"| all | | {sum(t.trials for t in tallies)} | {total} | "
        f"{sum(t.halfway for t in tallies)} | {sum(t.finished for t in tallies)} | "
        f"{sum(len(t.faults) for t in tallies)} |"
    )
    return "\n".join(lines)


@click.command(help=__doc__)
@click.option("--kills", default=200, show_default=True, help="In all.")
@click.option("--only", multiple=True, type=click.Choice(list(SCENARIOS)), help="Commands to kill.")
@click.option("--seed", default=0, show_default=True, help="Of the moments.")
def main(kills: int, only: tuple[str, ...], seed: int) -> None:
    names = only or tuple(SCENARIOS)
    tallies = []
    with tempfile.TemporaryDirectory() as scratch:
        at = inputs(Path(scratch) / "inputs")
        for place, name in enumerate(names):
            share = (place + 1) * kills // len(names) - place * kills // len(names)
            tally = kill(name, share, seed, at, Path(scratch) / name.replace(" ", "-"))
            tallies.append(tally)
            click.echo(f"{name}: {tally.kills} kills, {len(tally.faults)} faults", err=True)
            for fault in tally.faults:
                click.echo(f"  {fault}", err=True)
    click.echo(table(tallies))
    if any(tally.faults for tally in tallies):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
