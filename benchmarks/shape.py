"""Shape in volumes, with and without the 3D network: python benchmarks/shape.py

    python benchmarks/shape.py [--material fibres]... [--mode slices]... [--samples 4] [--rows DIR]

Volumes of 64^3 of the bundled weights (or of `--weights FILE --micrographs FILE`), by mode:
default, fast, fastest, and slices (the default without the 3D network). Printed are CPU seconds,
errors over sampling errors against the micrographs, straight chords over those of windows of the
micrographs (a row a phase: xy, xz, yz), connected components by phase beside those of real
subvolumes, the classifier's areas, and the verdict on each volume alone and on all together,
with the statistic that exceeds its limit most.
With --rows, a picture a material in DIR: windows of the micrographs and slices of the volumes.
"""

import time
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np
from numpy.typing import NDArray
from reconstruction.picture import draw_images
from scipy import ndimage

from recon.core import Micrographs, Recipe, Volume, catalog, sample_steps
from recon.core.data.planes import NORMAL, PLANES
from recon.core.job import resolve
from recon.validation.comparison.boxes import place_boxes
from recon.validation.comparison.compare import compare
from recon.validation.comparison.verdict import Verdict
from recon.workflow.examples import example
from recon.workflow.overlay import FAST, FASTEST, lay_over

MODES: dict[str, dict[str, Any]] = {
    "default": {},
    "fast": FAST,
    "fastest": FASTEST,
    "slices": {"denoiser.volume": False},
}
SIDE = 64
COLUMNS = 8
"""Windows and slices in a row of a picture."""
STATISTICS = (
    "two-point",
    "lineal-path",
    "chord-length.density",
    "straight-chord.density",
    "bent-chord",
)


def cut_windows(micrographs: Micrographs) -> Micrographs:
    """All windows of the size of a volume's slices, half a side apart."""
    results = {}
    for plane, images in micrographs.planes.items():
        results[plane] = [
            image[row : row + SIDE, column : column + SIDE]
            for image in images
            for row in range(0, image.shape[0] - SIDE + 1, SIDE // 2)
            for column in range(0, image.shape[1] - SIDE + 1, SIDE // 2)
        ]
    return Micrographs(results, phases=micrographs.phases)


def measure_chords(sample: Volume | Micrographs) -> Any:
    """Mean straight chord (phase, plane)."""
    return catalog().build("metric", "straight-chord").measure(sample)["mean"].values


def count_components(volumes: list[Volume]) -> list[float]:
    """Connected components of each phase, the mean over volumes."""
    phases = range(len(volumes[0].phases))
    counts = [[ndimage.label(v.labels == phase)[1] for phase in phases] for v in volumes]
    return [round(float(mean), 1) for mean in np.mean(counts, 0)]


def cut_real(whole: Volume) -> list[Volume]:
    """Subvolumes of the half that the micrographs do not show."""
    unseen = whole.labels[whole.shape[0] // 2 :]
    boxes = place_boxes(unseen.shape, (SIDE,) * 3, 8)
    return [Volume(unseen[box], phases=whole.phases) for box in boxes]


def report(recipe: Recipe, micrographs: Micrographs, samples: int) -> list[Volume]:
    job = resolve(recipe)
    begun = time.process_time()
    volumes = []
    for sample in range(samples):
        *_, last = sample_steps(job, sample=sample)
        volumes.append(attrs.evolve(last.volume, phases=micrographs.phases))
    seconds = (time.process_time() - begun) / samples
    chords = np.mean([measure_chords(volume) for volume in volumes], 0)
    together = compare(volumes, micrographs)
    table = together.to_table()
    ratios = ", ".join(f"{name} {table[name]['ratio']:.2f}" for name in STATISTICS)
    alone = [compare([volume], micrographs).verdict for volume in volumes]
    areas = next(line for line in together.to_text().splitlines() if line.startswith("classifier,"))
    click.echo(f"  {seconds:.1f} s of CPU a volume; {ratios}")
    shares = (chords / measure_chords(cut_windows(micrographs))).round(2).tolist()
    click.echo(f"  straight chords over real {shares}; components {count_components(volumes)}")
    click.echo(f"  {areas}")
    levels = ", ".join(verdict.level for verdict in alone)
    click.echo(f"  alone {levels}; together {together.verdict.level}")
    click.echo(
        f"  worst {', '.join(map(name_worst, alone))}; together {name_worst(together.verdict)}"
    )
    return volumes


def name_worst(verdict: Verdict) -> str:
    """The statistic that exceeds its limit most, by what factor; nothing where none does."""
    failing = [one for one in verdict.findings if one.level in ("close", "not equivalent")]
    if not failing:
        return "none"
    worst = max(failing, key=lambda one: one.value / one.limit)
    return f"{worst.statistic} {worst.where} {worst.value / worst.limit:.1f}"


def pick_windows(micrographs: Micrographs, plane: str) -> list[NDArray[np.uint8]]:
    """Windows of one plane at even places."""
    windows = cut_windows(micrographs).planes[plane]
    return [windows[(2 * n + 1) * len(windows) // (2 * COLUMNS)] for n in range(COLUMNS)]


def pick_slices(volumes: list[Volume], plane: str) -> list[NDArray[np.uint8]]:
    """Slices of one plane, of one volume after the other."""
    stacks = [np.moveaxis(volume.labels, NORMAL[plane], 0) for volume in volumes]
    places = [(2 * n + 1) * SIDE // (2 * COLUMNS) for n in range(COLUMNS)]
    return [stacks[n % len(stacks)][place] for n, place in enumerate(places)]


@click.command(help=__doc__)
@click.option("--material", "names", multiple=True, default=["electrode", "fibres"])
@click.option("--mode", "modes", multiple=True, type=click.Choice(list(MODES)), default=list(MODES))
@click.option("--samples", default=4, show_default=True)
@click.option("--weights", type=click.Path(path_type=Path), help="In place of bundled ones.")
@click.option("--micrographs", "file", type=click.Path(path_type=Path), help="Of these weights.")
@click.option("--rows", type=click.Path(path_type=Path, file_okay=False), help="For pictures.")
def main(
    names: tuple[str, ...],
    modes: tuple[str, ...],
    samples: int,
    weights: Path | None,
    file: Path | None,
    rows: Path | None,
) -> None:
    for name in [weights.stem] if weights else names:
        micrographs = Micrographs.open(file) if file else example(name)[0]
        if weights is None:
            click.echo(f"{name}: real components {count_components(cut_real(example(name)[1]))}")
        images = {f"{plane}: micrographs": pick_windows(micrographs, plane) for plane in PLANES}
        for mode in modes:
            table = {"weights": str(weights or name), "shape": [SIDE] * 3}
            click.echo(f"{name}, {mode}")
            volumes = report(Recipe.from_table(lay_over(table, MODES[mode])), micrographs, samples)
            images |= {f"{plane}: {mode}": pick_slices(volumes, plane) for plane in PLANES}
        if rows:
            rows.mkdir(parents=True, exist_ok=True)
            ordered = {name: images[name] for name in sorted(images, key=lambda n: n[:2])}
            draw_images(ordered, len(micrographs.phases), rows / f"{name}.png")


if __name__ == "__main__":
    main()
