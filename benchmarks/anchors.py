"""Does a measured slice join the volume that grows from it without a seam?

    python benchmarks/anchors.py [--weights porous] [--seeds 4] [--side 64] [--set NAME=VALUE]...

Each volume gets one slice of the half of the example that its weights have not seen as an anchor,
in the middle of plane xy or yz; the same seeds without an anchor stand beside it. Printed are:
interface between the anchor and its neighbours, elsewhere in the same volumes and in the real
half; share of voxels alike d slices apart, across the anchor, elsewhere, in the real half, and
alike with what is really there; errors of two-point and lineal path over the sampling error.
"""

import tempfile
from pathlib import Path

import attrs
import click
import numpy as np
from numpy.typing import NDArray

from recon.cli.settings import parse_value
from recon.core import Recipe, Volume, sample_steps
from recon.core.job import resolve
from recon.core.recipe import Choice
from recon.validation.comparison.compare import compare
from recon.workflow.examples import example

PLACES = {"xy": 0, "yz": 2}
DISTANCES = (1, 2, 4, 8)
Labels = NDArray[np.uint8]


def alike(stack: Labels, pairs: list[int], d: int) -> float:
    """Share of voxels of one phase in the slices i and i + d."""
    return float(np.mean([(stack[i] == stack[i + d]).mean() for i in pairs]))


def row(kind: str, name: str, numbers: list[float], places: int = 4) -> None:
    print(f"  {kind:10s} {name:42s}", *(f"{number:.{places}f}" for number in numbers))


@click.command()
@click.option("--weights", default="porous", show_default=True)
@click.option("--seeds", default=4, show_default=True)
@click.option("--side", default=64, show_default=True)
@click.option("--steps", default=60, show_default=True)
@click.option("--set", "settings", multiple=True, metavar="OPTION=VALUE", help="Of the harmonizer.")
def main(weights: str, seeds: int, side: int, steps: int, settings: tuple[str, ...]) -> None:
    options = {key: parse_value(text) for key, _, text in (s.partition("=") for s in settings)}
    recipe = Recipe(
        weights=weights,
        shape=(side,) * 3,
        steps=steps,
        harmonizer=Choice("spectral", options),
    )
    denoiser = resolve(recipe).denoiser
    _, true = example(weights)
    half = true.labels[true.shape[0] // 2 :]
    real = Volume(half, true.voxel_size, true.phases)
    middle = side // 2
    rng = np.random.default_rng(0)
    corners = [[int(rng.integers(n - side + 1)) for n in half.shape] for _ in range(seeds)]
    crops = [half[z : z + side, y : y + side, x : x + side] for z, y, x in corners]

    def made(texts: tuple[str, ...], seed: int) -> Volume:
        *_, state = sample_steps(
            attrs.evolve(recipe, anchors=texts), sample=seed, denoiser=denoiser
        )
        return state.volume

    print(f"{weights}, {side}^3, {seeds} seeds, {steps} steps {options or ''}")
    free = [made((), seed) for seed in range(seeds)]
    report("free", free, real)
    for plane, axis in PLACES.items():
        volumes = []
        with tempfile.TemporaryDirectory() as folder:
            for seed, crop in enumerate(crops):
                path = Path(folder) / f"{seed}.npy"
                np.save(path, np.moveaxis(crop, axis, 0)[middle])
                volumes.append(made((f"{plane}:{middle}={path}",), seed))
        stacks = [np.moveaxis(volume.labels, axis, 0) for volume in volumes]
        truths = [np.moveaxis(crop, axis, 0) for crop in crops]
        exact = [(s[middle] == t[middle]).mean() for s, t in zip(stacks, truths, strict=True)]
        row(plane, "share of the anchor that is met", [float(np.min(exact))])
        away = [i for i in range(side - 1) if abs(i - middle) > 8]
        faces = [[1 - alike(s, [i], 1) for i in (middle - 1, middle)] for s in stacks]
        row(plane, "interface at the anchor, its standard error", [
            float(np.mean(faces)), float(np.std(np.mean(faces, 1), ddof=1) / np.sqrt(seeds))
        ])  # fmt: skip
        row(plane, "interface elsewhere, without, real", [
            float(np.mean([1 - alike(s, away, 1) for s in stacks])),
            float(np.mean([1 - alike(np.moveaxis(v.labels, axis, 0), away, 1) for v in free])),
            1 - alike(np.moveaxis(half, axis, 0), list(range(half.shape[axis] - 1)), 1),
        ])  # fmt: skip
        print(f"  distances {DISTANCES}")
        for name, numbers in distances(stacks, truths, np.moveaxis(half, axis, 0), middle).items():
            row(plane, name, numbers, 3)
        report(plane, volumes, real)


def distances(
    stacks: list[Labels], truths: list[Labels], real: Labels, middle: int
) -> dict[str, list[float]]:
    """Shares of voxels alike at each distance."""
    results: dict[str, list[float]] = {}
    for d in DISTANCES:
        away = [i for i in range(len(stacks[0]) - d) if i > middle + 8 or i + d < middle - 8]
        numbers = {
            "alike with the anchor": [alike(s, [middle - d, middle], d) for s in stacks],
            "alike elsewhere": [alike(s, away, d) for s in stacks],
            "alike in the real half": [alike(real, list(range(len(real) - d)), d)],
            "alike with what is really there": [
                float((s[middle + sign * d] == t[middle + sign * d]).mean())
                for s, t in zip(stacks, truths, strict=True)
                for sign in (-1, 1)
            ],
        }
        for name, values in numbers.items():
            results.setdefault(name, []).append(float(np.mean(values)))
    return results


def report(kind: str, volumes: list[Volume], real: Volume) -> None:
    """Errors beside the sampling error, and the interface of whole volumes."""
    comparison = compare(volumes, real)
    for name in ("two-point", "lineal-path"):
        numbers = comparison.metrics[name].headline
        row(
            kind,
            f"{name}: error, sampling error, ratio",
            [numbers[k] for k in ("error", "floor", "ratio")],
        )
    row(kind, "phase fractions", [float(f) for f in comparison.fractions.mean("sample")])


if __name__ == "__main__":
    main()
