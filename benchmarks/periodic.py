"""Is there a seam where a periodic volume meets itself?

    python benchmarks/periodic.py [--weights porous] [--seeds 4] [--side 64] [--steps 60]

Makes volumes that are periodic along z, y and x, and compares pairs of voxels across the border
with pairs inside: interface (lag 1) and the two-point function of each phase at lags 1 to side / 4.
"""

import click
import numpy as np
from numpy.typing import NDArray

from recon.core import Recipe, sample_steps
from recon.core.job import resolve


def correlation(labels: NDArray[np.uint8], phase: int, axis: int, lag: int) -> tuple[float, float]:
    """Share of pairs with both voxels in the phase: across the border, and inside."""
    mask = np.moveaxis(labels == phase, axis, 0)
    return float((mask[-lag:] & mask[:lag]).mean()), float((mask[:-lag] & mask[lag:]).mean())


def interface(labels: NDArray[np.uint8], axis: int) -> tuple[float, float]:
    """Share of neighbours that differ: across the border, and inside."""
    planes = np.moveaxis(labels, axis, 0)
    return float((planes[-1] != planes[0]).mean()), float((np.diff(planes, axis=0) != 0).mean())


@click.command()
@click.option("--weights", default="porous", show_default=True)
@click.option("--seeds", default=4, show_default=True)
@click.option("--side", default=64, show_default=True)
@click.option("--steps", default=60, show_default=True)
def main(weights: str, seeds: int, side: int, steps: int) -> None:
    recipe = Recipe(weights=weights, shape=(side,) * 3, steps=steps, periodic=("z", "y", "x"))
    denoiser = resolve(recipe).denoiser
    volumes = []
    for seed in range(seeds):
        *_, state = sample_steps(recipe, sample=seed, denoiser=denoiser)
        volumes.append(state.volume.labels)
    print(f"{weights}, {side}^3, {seeds} seeds, across the border / inside (deviation over seeds)")
    for axis, name in enumerate("zyx"):
        pairs = np.array([interface(v, axis) for v in volumes])
        across, inside = pairs.mean(0)
        spread = pairs.std(0, ddof=1)[0] if seeds > 1 else float("nan")
        print(f"{name}: interface {across:.4f} / {inside:.4f} ({spread:.4f})")
        for phase in range(len(state.volume.phases)):
            curves = np.array(
                [
                    [correlation(v, phase, axis, lag) for lag in range(1, side // 4 + 1)]
                    for v in volumes
                ]
            ).mean(0)
            miss = np.abs(curves[:, 0] - curves[:, 1]).sum() / curves[:, 1].sum()
            print(f"   phase {phase}: two-point across against inside, relative error {miss:.3f}")


if __name__ == "__main__":
    main()
