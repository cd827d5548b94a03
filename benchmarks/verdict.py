"""What the verdict finds and misses: real subvolumes, spoilt ones and reconstructions.

    python benchmarks/verdict.py [--material NAME]... [--data DIR] [--real 16] [--seeds 1]
        [--made MATERIAL=VOLUME]... [--json FILE]

For every material, against its micrographs alone, one volume of 64^3 at a time:

real      subvolumes of what the micrographs do not show: how many differ significantly, with the
          exact binomial interval (overlapping ones counted by what they are worth)
spoilt    one of these, with known faults: on which plane and by which statistic they are found
made      volumes of the bundled weights, default settings (examples only), one of a network of 20
          training steps among the spoilt; volumes that were made before, by their paths (--made)

At the end a table: spoilt volumes that are found and missed, false alarms, seconds. Materials are
the embedded examples; with --data, a folder of tomograms, also four real ones (see
docs/real-data.md). Their micrographs are slices of the half z < Z/2.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import binomtest

from recon.core import Micrographs, Recipe, Volume, sample_steps
from recon.validation.comparison.boxes import count_independent, place_boxes
from recon.validation.comparison.compare import compare
from recon.validation.comparison.verdict import CLOSE, NOT_EQUIVALENT, Verdict
from recon.workflow.examples import EXAMPLES, cut, example
from recon.workflow.model import train
from recon.workflow.reconstruct import reconstruct

os.environ["RECON_CACHE"] = "off"  # seconds are those of a first comparison
SHAPE = (64, 64, 64)
DATA = {
    "composite": ("glassfibre_frt_A.tif", ("polymer", "glass")),
    "cathode": ("nmc_3phase_matbox.tif", ("pore", "nmc", "binder")),
    "sandstone": ("berea.tif", ("pore", "grain")),
    "separator": ("separator_lr.tif", ("pore", "polymer")),
}
Labels = NDArray[np.uint8]


@attrs.frozen
class Case:
    """A material: its micrographs, and volumes that they do not show."""

    micrographs: Micrographs
    unseen: list[Labels]

    @property
    def phases(self) -> int:
        return len(self.micrographs.phases)


def open_case(name: str, data: Path | None) -> Case:
    if name in EXAMPLES:
        micrographs, truth = example(name)
        return Case(micrographs, [truth.labels[len(truth.labels) // 2 :], other_seed(name)])
    assert data is not None
    file, phases = DATA[name]
    labels = tifffile.imread(data / file)
    return Case(cut(Volume(labels, phases=phases)), [labels[len(labels) // 2 :]])


def other_seed(name: str) -> Labels:
    made: Labels = EXAMPLES[name].generate(seed=1000)
    return made


def list_real(case: Case, most: int) -> tuple[list[Labels], float]:
    """Subvolumes of what is not shown, and how many independent ones they are worth."""
    found, worth = [], 0.0
    for labels in case.unseen:
        size = tuple(min(pair) for pair in zip(labels.shape, SHAPE, strict=True))
        boxes = place_boxes(labels.shape, size, most // len(case.unseen))  # type: ignore[arg-type]
        boxes = boxes[: -(-most // len(case.unseen))]
        if size == SHAPE:
            found += [labels[box] for box in boxes]
            worth += count_independent(boxes)
    return found, worth


def list_spoilt(labels: Labels, phases: int) -> Iterator[tuple[str, Labels]]:
    """A volume with known faults."""
    rng = np.random.default_rng(0)
    inside = labels == phases - 1
    kept = ndimage.binary_erosion(inside, np.ones((2, 2, 2), bool), border_value=1)
    yield "eroded 0.5 voxels", np.where(inside & ~kept, 0, labels)
    for voxels in (1.0, 2.0):
        moves = [ndimage.gaussian_filter(rng.normal(size=labels.shape), 8) for _ in range(3)]
        places = np.indices(labels.shape) + [voxels * move / move.std() for move in moves]
        spoilt = ndimage.map_coordinates(labels, places, order=0, mode="mirror")
        yield f"bent by {voxels:g} voxels", spoilt
    shares = [ndimage.uniform_filter((labels == k).astype(float), 3) for k in range(phases)]
    yield "smoothed 3 x 3 x 3", np.argmax(shares, axis=0)
    hit = rng.random(labels.shape) < 0.01
    yield "specks 1 %", np.where(hit, (labels + 1) % phases, labels)
    if phases > 2:
        beside = ndimage.binary_dilation(labels == 0) & (labels == 2)
        yield "rim between 0 and 2", np.where(beside, 1, labels)


def list_made(name: str, seeds: int) -> Iterator[tuple[str, Labels]]:
    for seed in range(seeds):
        recipe = Recipe.from_table({"weights": name, "shape": list(SHAPE), "seed": seed})
        for step in sample_steps(recipe):
            state = step
        yield f"made, seed {seed}", state.volume.labels


def make_untrained(micrographs: Micrographs) -> Labels:
    """A volume of a network that was hardly trained."""
    model = train(micrographs, steps=20, device="cpu")
    labels: Labels = reconstruct(model, shape=SHAPE)[0].labels
    return labels


def describe(verdict: Verdict) -> str:
    """Level, and what comes first on each plane."""
    failing = [f for f in reversed(verdict.findings) if f.level in (CLOSE, NOT_EQUIVALENT)]
    worst = {str(f.where): f.statistic for f in failing}
    found = ", ".join(f"{where}: {statistic}" for where, statistic in sorted(worst.items()))
    return f"{verdict.level} ({found or f'{verdict.value / verdict.limit:.2f} of the limit'})"


def run_case(
    name: str, case: Case, real: int, seeds: int, given: list[tuple[str, Labels]]
) -> dict[str, Any]:
    """All volumes of a material in one comparison, judged one by one."""
    subvolumes, worth = list_real(case, real)
    material = case.micrographs
    spoilt = list(list_spoilt(subvolumes[0], case.phases))
    if name in EXAMPLES:
        spoilt.append(("network of 20 steps", make_untrained(material)))
    named = [("real", labels) for labels in subvolumes] + spoilt + given
    named += list(list_made(name, seeds)) if name in EXAMPLES else []
    volumes = [
        Volume(np.asarray(labels, np.uint8), material.voxel_size, material.phases)
        for _, labels in named
    ]
    compare(volumes[:1], material)  # compiles
    begun = time.perf_counter()
    compare(volumes[:1], material)
    seconds = time.perf_counter() - begun
    comparison = compare(volumes, material)
    verdicts = [one.verdict for one in comparison.each()]
    judged = [(what, verdict) for (what, _), verdict in zip(named, verdicts, strict=True)]
    of_real = [verdict for what, verdict in judged if what == "real"]
    rows = {what: describe(verdict) for what, verdict in judged if what != "real"}
    false = sum(v.level in (CLOSE, NOT_EQUIVALENT) for v in of_real)
    click.echo(f"{name}: {seconds:.0f} s a comparison; {dict(Counter(v.level for v in of_real))}")
    for what, said in rows.items():
        click.echo(f"  {what}: {said}")
    power = [one.to_table() for one in comparison.power]
    levels = dict(judged)
    found = [what for what, _ in spoilt if levels[what].level in (CLOSE, NOT_EQUIVALENT)]
    return {
        "found": found,
        "missed": [what for what, _ in spoilt if what not in found],
        "false": false,
        "real": len(of_real),
        "worth": worth,
        "rows": rows,
        "power": power,
        "seconds": seconds,
    }


def bound(false: int, real: int, worth: float) -> str:
    """False alarms, and the exact 95 % interval of their rate."""
    count = max(1, round(min(worth, real)))
    low, high = binomtest(round(false / real * count), count).proportion_ci(method="exact")
    rate = f"{false / real:.1%}, 95 % interval {low:.1%} to {high:.1%}"
    return f"{false} of {real} (worth {count}): {rate}"


def tabulate(rows: dict[str, dict[str, Any]]) -> str:
    """What was found and missed of the spoilt volumes, and false alarms, a line a material."""
    lines = [f"{'material':<12}{'found':>7}{'false alarms':>14}{'seconds':>9}  missed"]
    for name, row in rows.items():
        known = len(row["found"]) + len(row["missed"])
        found, false = f"{len(row['found'])}/{known}", f"{row['false']}/{row['real']}"
        missed = ", ".join(row["missed"])
        lines.append(f"{name:<12}{found:>7}{false:>14}{row['seconds']:>9.0f}  {missed}")
    totals = [sum(row[key] for row in rows.values()) for key in ("false", "real", "worth")]
    return "\n".join([*lines, f"false alarms: {bound(*totals)}"])


def open_made(given: tuple[str, ...]) -> dict[str, list[tuple[str, Labels]]]:
    """Material -> volumes that were made before, with their paths."""
    found: dict[str, list[tuple[str, Labels]]] = {}
    for one in given:
        name, _, path = one.partition("=")
        found.setdefault(name, []).append((path, Volume.open(path).labels))
    return found


@click.command()
@click.option("--material", "names", multiple=True)
@click.option("--data", type=click.Path(path_type=Path, exists=True))
@click.option("--real", default=16, show_default=True)
@click.option("--seeds", default=1, show_default=True)
@click.option("--made", "given", multiple=True, metavar="MATERIAL=VOLUME")
@click.option("--json", "file", type=click.Path(path_type=Path))
def main(
    names: tuple[str, ...],
    data: Path | None,
    real: int,
    seeds: int,
    given: tuple[str, ...],
    file: Path | None,
) -> None:
    made = open_made(given)
    rows = {}
    for name in names or (*EXAMPLES, *(DATA if data else ())):
        case = open_case(name, data)
        rows[name] = run_case(name, case, real, seeds, made.get(name, []))
    click.echo(tabulate(rows))
    if file is not None:
        file.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
