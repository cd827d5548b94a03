"""What the verdict finds and misses: real subvolumes, spoilt ones and reconstructions.

    python benchmarks/verdict.py --out DIR [--data DIR] [--material NAME]... [--part NAME]...
        [--weights MATERIAL=FILE]... [--real 24] [--trials 4] [--seeds 4]

For every material, against its micrographs alone, volumes of 64^3, judged one at a time:

real       subvolumes of what the micrographs do not show: how many differ significantly, with the
           exact binomial interval (overlapping ones counted by what they are worth)
spoilt     some of these with known faults, done in 3D: how often each is found, beside the rate
           that the verdict prints (the highest of single planes and of all together)
untrained  a volume of a network of 20 training steps (examples)
made       volumes of the bundled weights or of --weights, default settings, one by one and all
           together; `slices`: the same by slices alone, where the weights hold a 3D network

Materials are the embedded examples (fibres:7 is that of seed 7, with micrographs of its own); with
--data, a folder of tomograms, also real ones (see docs/real-data.md; micrographs are every fourth
slice of z < Z/2). Every part is kept in DIR, and a second call makes what is missing. The tables
at the end are of all parts that are there.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from verdict_rates import bound, cross_validate
from verdict_volumes import (
    DATA,
    Case,
    Labels,
    list_real,
    list_spoilt,
    make_untrained,
    make_volume,
    open_case,
)

from recon.core.bundled import list_bundled
from recon.core.storage.atomic import atomic_output
from recon.validation.comparison.compare import compare
from recon.validation.comparison.comparison import Comparison
from recon.validation.comparison.verdict import ALPHA, CLOSE, NOT_EQUIVALENT
from recon.workflow.examples import EXAMPLES

Row = dict[str, Any]
PARTS = ("real", "spoilt", "untrained", "made", "slices")


def describe(comparison: Comparison) -> Row:
    """Level, how near the limits it comes, and what leads on every plane beyond them."""
    leads: dict[str, Row] = {}
    for (statistic, where), times in comparison.list_multiples().items():
        if times > leads.get(where, {"times": -1.0})["times"]:
            leads[where] = {"statistic": statistic, "times": times}
    verdict = comparison.verdict
    return {"level": verdict.level, "times": verdict.value / verdict.limit, "leads": leads}


def judge(case: Case, named: Sequence[tuple[str, Labels]]) -> tuple[list[Row], Comparison]:
    """A row for every volume by itself."""
    comparison = compare([case.build(labels) for _, labels in named], case.micrographs)
    rows = zip(named, comparison.each(), strict=True)
    return [{"volume": name, **describe(one)} for (name, _), one in rows], comparison


def run_real(case: Case, options: Mapping[str, Any]) -> Row:
    """Of the first comparison CPU seconds, too: nothing is cached for it."""
    real, worth = list_real(case, options["real"])
    if not real:
        return {"rows": [], "worth": 0.0}
    first = case.build(real[0])
    begun = time.process_time()
    compare([first], case.micrographs, cached=False)
    seconds = time.process_time() - begun
    rows, comparison = judge(case, [(f"real {i}", labels) for i, labels in enumerate(real)])
    power = [one.to_table() for one in comparison.power]
    return {"rows": rows, "worth": worth, "seconds": seconds, "power": power}


def run_spoilt(case: Case, options: Mapping[str, Any]) -> Row:
    real, _ = list_real(case, options["real"])
    trials = real[:: -(-len(real) // options["trials"])] if real else []
    named = [
        (" ".join(fault), labels)
        for seed, one in enumerate(trials)
        for fault, labels in list_spoilt(one, case.phases, seed)
    ]
    return {"rows": judge(case, named)[0] if named else []}


def run_untrained(case: Case, options: Mapping[str, Any]) -> Row:
    made = make_untrained(case.micrographs)
    return {"rows": judge(case, [("network of 20 steps", made)])[0]}


def run_made(case: Case, options: Mapping[str, Any], slices: bool = False) -> Row:
    weights = options["weights"]
    named = [(f"seed {i}", make_volume(weights, i, slices)) for i in range(options["seeds"])]
    rows, comparison = judge(case, named)
    together = {"volume": f"{len(named)} together", **describe(comparison)}
    return {"rows": rows + ([together] if len(named) > 1 else [])}


def run_slices(case: Case, options: Mapping[str, Any]) -> Row:
    return run_made(case, options, slices=True)


RUN: dict[str, Callable[[Case, Mapping[str, Any]], Row]] = {
    "real": run_real,
    "spoilt": run_spoilt,
    "untrained": run_untrained,
    "made": run_made,
    "slices": run_slices,
}


def write_row(row: Row) -> str:
    """One volume in words."""
    beyond = {where: lead for where, lead in row["leads"].items() if lead["times"] > 1}
    order = sorted(beyond or row["leads"], key=lambda where: -row["leads"][where]["times"])
    said = [
        f"{where}: {row['leads'][where]['statistic']} {row['leads'][where]['times']:.2f}"
        for where in (order if beyond else order[:1])
    ]
    return f"{row['volume']}: {row['level']} ({', '.join(said)})"


def tabulate_real(parts: Mapping[str, Row]) -> Iterator[str]:
    """False alarms, a line a material, in total, and with limits set on other materials."""
    yield f"{'real':<12}{'false alarms':>14}{'worth':>8}{'CPU s':>8}   by what"
    totals = np.zeros(3)
    for name, part in parts.items():
        rows = part["rows"]
        false = [row for row in rows if row["level"] in (CLOSE, NOT_EQUIVALENT)]
        counted = f"{len(false)}/{len(rows)}"
        yield f"{name:<12}{counted:>14}{part['worth']:>8.1f}{part['seconds']:>8.1f}   " + "; ".join(
            write_row(row) for row in false
        )
        totals += (len(false), len(rows), part["worth"])
    close, of, worth = totals
    yield f"false alarms at a nominal {ALPHA:.0%}: {bound(int(close), int(of), worth)}"
    if len(parts) < 2:
        return
    halves = cross_validate({name: part["rows"] for name, part in parts.items()})
    rates = [false / of for _, _, false, of in halves]
    factors = [factor for _, factor, _, _ in halves]
    yield (
        f"limits widened by what one half of the materials needs ({min(factors):.2f} to "
        f"{max(factors):.2f} of today's), false alarms on the other: mean {np.mean(rates):.1%}, "
        f"{min(rates):.1%} to {max(rates):.1%} over {len(halves)} halves"
    )


def tabulate_spoilt(spoilt: Mapping[str, Row], real: Mapping[str, Row]) -> Iterator[str]:
    """Each fault: found of so many, and the rate that the verdict prints for it."""
    faults = dict.fromkeys(row["volume"] for part in spoilt.values() for row in part["rows"])
    yield f"{'spoilt':<28}" + "".join(f"{name:>22}" for name in spoilt)
    totals = np.zeros(3)
    for fault in faults:
        cells = []
        for name, part in spoilt.items():
            rows = [row for row in part["rows"] if row["volume"] == fault]
            if not rows:
                cells.append("")
                continue
            result = sum(row["level"] in (CLOSE, NOT_EQUIVALENT) for row in rows)
            rate = find_printed(real[name]["power"], fault)
            times = float(np.median([row["times"] for row in rows]))
            cells.append(f"{result}/{len(rows)} ({rate:.0%}) {times:.1f}")
            totals += (result, len(rows), rate * len(rows))
        yield f"{fault:<28}" + "".join(f"{cell:>22}" for cell in cells)
    yield "found of so many (the rate that the verdict prints), the median multiple of the limit"
    detected, of, expected = totals
    yield f"found {detected:.0f} of {of:.0f}; {expected:.1f} by the rates that the verdict prints"


def find_printed(power: Sequence[Row], fault: str) -> float:
    """The highest rate of single planes and of all together."""
    return max(one["found"] for one in power if f"{one['fault']} {one['amount']}" == fault)


def print_tables(out: Path, names: Sequence[str]) -> None:
    """Of all parts that are there."""
    kept: dict[str, dict[str, Row]] = {
        part: {
            name: json.loads(path.read_text())
            for name in names
            if (path := out / f"{name}.{part}.json").exists()
        }
        for part in PARTS
    }
    for part in ("untrained", "made", "slices"):
        for name, entry in kept[part].items():
            click.echo(f"{name}, {part}:")
            for row in entry["rows"]:
                click.echo(f"  {write_row(row)}")
    real = {name: part for name, part in kept["real"].items() if part["rows"]}
    spoilt = {name: kept["spoilt"][name] for name in real if name in kept["spoilt"]}
    for line in tabulate_spoilt(spoilt, real) if spoilt else ():
        click.echo(line)
    for line in tabulate_real(real) if real else ():
        click.echo(line)


def list_parts(name: str, weights: Mapping[str, str], asked: Sequence[str]) -> list[str]:
    """Those that this material has: volumes are made where there are weights."""
    has = {
        "real": True,
        "spoilt": True,
        "untrained": name in EXAMPLES,
        "made": name in weights,
        "slices": name in weights,
    }
    return [part for part in asked or PARTS if has[part]]


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True)
@click.option("--material", "names", multiple=True)
@click.option("--part", "asked", multiple=True, type=click.Choice(PARTS))
@click.option("--data", type=click.Path(path_type=Path, exists=True))
@click.option("--weights", "given", multiple=True, metavar="MATERIAL=FILE")
@click.option("--real", default=24, show_default=True)
@click.option("--trials", default=4, show_default=True)
@click.option("--seeds", default=4, show_default=True)
def main(
    out: Path,
    names: tuple[str, ...],
    asked: tuple[str, ...],
    data: Path | None,
    given: tuple[str, ...],
    **counts: int,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = str(out / "cache")
    weights = {name: name for name in list_bundled("unet-ddpm")}
    weights |= dict(one.split("=", 1) for one in given)
    names = names or (*EXAMPLES, *(DATA if data else ()))
    for name in names:
        missing = [
            part
            for part in list_parts(name, weights, asked)
            if not (out / f"{name}.{part}.json").exists()
        ]
        case = open_case(name, data) if missing else None
        for part in missing:
            assert case is not None
            begun = time.process_time()
            result = RUN[part](case, {**counts, "weights": weights.get(name, "")})
            with atomic_output(out / f"{name}.{part}.json") as partial:
                partial.write_text(json.dumps(result, indent=1))
            click.echo(f"{name}, {part}: {time.process_time() - begun:.0f} s of CPU", err=True)
    print_tables(out, names)


if __name__ == "__main__":
    main()
