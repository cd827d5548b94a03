"""Quality and time of the samplers on the embedded examples, with the bundled weights.

    python benchmarks/examples.py [--seeds 4] [--harmonizer gamma-blend]... [--json FILE]

The weights know slices of the half z < Z/2 only; every number is against the other half. Prints a
row per example and harmonizer: network passes, median seconds, error of two-point and lineal path
(mean over seeds), the floor that crops of the other half score, phase fractions, and connected
components and interface area per voxel as a view on what the two functions do not see.
"""

import json
import statistics
import time
from pathlib import Path

import click
import numpy as np
import torch
from scipy import ndimage

from recon.core import Recipe, Volume, reconstruct
from recon.core.equivalence import compare
from recon.core.examples import EXAMPLES, example
from recon.core.pipeline import fitted
from recon.core.recipe import Choice


def components(volume: Volume) -> list[int]:
    """Face-connected components of each phase."""
    return [int(ndimage.label(volume.labels == k)[1]) for k in range(len(volume.phases))]


def interface(labels: np.ndarray) -> float:
    """Faces between unlike voxels per pair of neighbours."""
    pairs = [np.diff(labels, axis=axis) != 0 for axis in range(3)]
    return float(np.mean([pair.mean() for pair in pairs]))


def row(name: str, harmonizer: str, seeds: int, steps: int, truth: Volume) -> dict[str, object]:
    recipe = Recipe(weights=name, steps=steps, harmonizer=Choice(harmonizer))
    denoiser = fitted(recipe)
    passes = 0
    clean = type(denoiser).clean

    def counted(self, slices, step, plane):
        nonlocal passes
        passes += len(slices)
        return clean(self, slices, step, plane)

    volumes, seconds = [], []
    type(denoiser).clean = counted
    try:
        for seed in range(seeds):
            begin = time.perf_counter()
            *_, state = reconstruct(recipe, sample=seed, denoiser=denoiser)
            seconds.append(time.perf_counter() - begin)
            volumes.append(state.volume)
    finally:
        type(denoiser).clean = clean
    table = compare(volumes, truth).to_table()
    shares = table["volume-fraction"].values()
    return {
        "example": name,
        "harmonizer": harmonizer,
        "passes": passes // seeds // 64,
        "seconds": statistics.median(seconds),
        **{m: {k: table[m][k] for k in ("error", "floor")} for m in ("two-point", "lineal-path")},
        "fractions": [[s["sample"], s["reference"]] for s in shares],
        "components": np.mean([components(v) for v in volumes], 0).tolist(),
        "real components": components(Volume(truth.labels[:64, :64, :64], phases=truth.phases)),
        "interface": float(np.mean([interface(v.labels) for v in volumes])),
        "real interface": interface(truth.labels),
    }


@click.command()
@click.option("--seeds", default=4, show_default=True)
@click.option("--steps", default=60, show_default=True)
@click.option("--example", "names", multiple=True, help="Default: all.")
@click.option("--harmonizer", "harmonizers", multiple=True, default=["gamma-blend", "none"])
@click.option("--json", "file", type=click.Path(path_type=Path))
def main(seeds: int, steps: int, names: tuple, harmonizers: tuple, file: Path | None) -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, 64^3, {steps} steps")
    rows = []
    for name in names or EXAMPLES:
        whole = example(name)[1]
        labels = whole.labels[whole.shape[0] // 2 :]
        truth = Volume(labels, whole.voxel_size, whole.phases)
        for harmonizer in harmonizers:
            rows.append(found := row(name, harmonizer, seeds, steps, truth))
            s2, lp = found["two-point"], found["lineal-path"]
            print(
                f"{name:10} {harmonizer:12} {found['passes']:4} passes {found['seconds']:6.1f} s  "
                f"two-point {s2['error']:.3f} (floor {s2['floor']:.3f})  "
                f"lineal-path {lp['error']:.3f} (floor {lp['floor']:.3f})  fractions "
                + " ".join(f"{a:.3f} ({b:.3f})" for a, b in found["fractions"])
                + f"  components {[round(c) for c in found['components']]} "
                f"({found['real components']})  interface {found['interface']:.3f} "
                f"({found['real interface']:.3f})",
                flush=True,
            )
    if file is not None:
        file.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
