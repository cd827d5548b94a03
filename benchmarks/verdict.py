"""What the verdict says of real pieces, of reconstructions and of constructed failures.

    python benchmarks/verdict.py [--example NAME]... [--seeds 1] [--part real|made|failures]...
        [--json FILE]

real      crops of what the micrographs do not show, and of a volume from another seed, against
          the micrographs and against the unseen half: how many are "indistinguishable"
made      reconstructions by the bundled weights, against the micrographs and the unseen half
failures  a crop with a phase eroded by a voxel, with axes exchanged, shuffled, and the sampler
          gamma-blend with 20 steps
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from recon.core import Micrographs, Recipe, Volume, sample_steps
from recon.validation.comparison.boxes import place_boxes
from recon.validation.comparison.compare import compare
from recon.validation.comparison.comparison import Comparison
from recon.workflow.examples import EXAMPLES, example
from recon.workflow.overlay import FAST, lay_over

SHAPE = (64, 64, 64)
SAMPLERS: dict[str, dict[str, Any]] = {
    "default": {},
    "fast": lay_over({}, FAST),
}
COARSE: dict[str, Any] = {"steps": 20, "harmonizer": {"name": "gamma-blend"}}
Labels = NDArray[np.uint8]


def real(name: str, micrographs: Micrographs, half: Volume) -> dict[str, Any]:
    """Crops of the unseen half, and of a volume of the same material made from another seed.

    Crops of the unseen half are no samples to be held against it: they are what it consists of.
    """
    truth = EXAMPLES[name].generate(seed=1000)
    other = Volume(truth, half.voxel_size, half.phases)
    table = {}
    for title, source, reference in (
        ("unseen half, micrographs", half, micrographs),
        ("another volume, micrographs", other, micrographs),
        ("another volume, unseen half", other, half),
    ):
        pieces = [
            Volume(source.labels[box], half.voxel_size, half.phases)
            for box in place_boxes(source.shape, SHAPE, 16)
        ]
        verdicts = [one.verdict for one in each(compare(pieces, reference))]
        levels = Counter(verdict.level for verdict in verdicts)
        failed = Counter(f"{f.statistic} {f.where}" for v in verdicts for f in v.findings[:1])
        excess = sorted(round(verdict.value / verdict.limit, 2) for verdict in verdicts)
        small = sum(verdict.p_value < 0.5 for verdict in verdicts)
        table[title] = {"levels": levels, "failed": failed, "excess": excess, "p < 0.5": small}
        click.echo(f"{name}, {title}: {dict(levels)}; p < 0.5 in {small}; {dict(failed)}")
        click.echo(f"  value over limit: {excess}")
    return table


def each(comparison: Comparison) -> Iterator[Comparison]:
    """The comparison of every sample by itself."""
    for i in range(comparison.fractions.sizes["sample"]):
        alone = {
            name: attrs.evolve(agreement, curves=agreement.curves.isel(sample=[i]))
            for name, agreement in comparison.metrics.items()
        }
        fractions = comparison.fractions.isel(sample=[i])
        yield attrs.evolve(comparison, metrics=alone, fractions=fractions)


def told(title: str, volumes: list[Volume], micrographs: Micrographs, half: Volume) -> Any:
    """The verdicts on samples."""
    row = {}
    for kind, reference in (("micrographs", micrographs), ("unseen half", half)):
        begun = time.perf_counter()
        comparison = compare(volumes, reference)
        verdict = comparison.verdict
        seconds = time.perf_counter() - begun
        click.echo(f"{title}, {kind} ({seconds:.1f} s), p {verdict.p_value:.3f}")
        click.echo("  " + verdict.to_text().replace("\n", "\n  "))
        row[kind] = verdict.to_table()
    return row


def sampled(name: str, table: dict[str, Any], seed: int) -> Volume:
    recipe = Recipe.from_table({"weights": name, "shape": list(SHAPE), "seed": seed, **table})
    for step in sample_steps(recipe):
        state = step
    return state.volume


def failures(name: str, truth: Volume) -> Iterator[tuple[str, Volume]]:
    """A crop of the unseen half, spoilt."""
    labels = truth.labels[-64:, 64:128, 64:128]
    last = len(truth.phases) - 1
    inside = ndimage.binary_erosion(labels == last, border_value=1)
    around = np.where((labels == last) & ~inside, 0, labels)
    rng = np.random.default_rng(0)
    order = (2, 1, 0) if name in ("fibres", "porous") else (1, 0, 2)
    for title, made in (
        (f"{truth.phases[last]} eroded by a voxel", around),
        ("axes exchanged", labels.transpose(order)),
        ("shuffled", rng.permuted(labels.ravel()).reshape(SHAPE)),
    ):
        yield title, Volume(np.ascontiguousarray(made), truth.voxel_size, truth.phases)
    yield "gamma-blend, 20 steps", sampled(name, COARSE, 0)


@click.command()
@click.option("--example", "names", multiple=True, default=list(EXAMPLES))
@click.option("--part", "parts", multiple=True, default=["real", "made", "failures"])
@click.option("--seeds", default=1, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path))
def main(names: tuple[str, ...], parts: tuple[str, ...], seeds: int, file: Path | None) -> None:
    rows: dict[str, Any] = {}
    for name in names:
        micrographs, truth = example(name)
        half = Volume(truth.labels[truth.shape[0] // 2 :], truth.voxel_size, truth.phases)
        if "real" in parts:
            rows[f"{name} real"] = real(name, micrographs, half)
        if "made" in parts:
            for sampler, table in SAMPLERS.items():
                made = [sampled(name, table, seed) for seed in range(seeds)]
                title = f"{name}, {sampler}, {seeds} seeds"
                rows[title] = told(title, made, micrographs, half)
        if "failures" in parts:
            for what, volume in failures(name, truth):
                title = f"{name}, {what}"
                rows[title] = told(title, [volume], micrographs, half)
    if file is not None:
        file.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
