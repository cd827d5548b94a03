"""How nearly graded volumes follow their profile: python benchmarks/graded.py [--side 48]

Of each bundled material volumes whose last phase grows along z; the largest distance from the
profile of the mean over windows of some slices, at every position.
"""

import click
import numpy as np

from recon.core import Recipe, sample_steps

PROFILES = {"porous": (0.35, 0.65), "electrode": (0.06, 0.14), "fibres": (0.25, 0.5)}


def measure_miss(weights: str, side: int, seed: int) -> list[float]:
    low, high = PROFILES[weights]
    recipe = Recipe.from_table(
        {
            "shape": [side] * 3,
            "steps": 20,
            "seed": seed,
            "weights": weights,
            "harmonizer": {"name": "spectral", "profile": [low, high], "rounds": 1},
        }
    )
    *_, last = sample_steps(recipe)
    volume = last.volume
    along = (volume.labels == len(volume.phases) - 1).mean((1, 2))
    miss = along - np.interp((np.arange(side) + 0.5) / side, [0, 1], [low, high])
    return [float(abs(np.convolve(miss, np.ones(n) / n, "valid")).max()) for n in (4, 8, 12)]


@click.command(help=__doc__)
@click.option("--side", default=48, show_default=True)
@click.option("--seeds", default=2, show_default=True)
def main(side: int, seeds: int) -> None:
    click.echo("material, profile | seed | windows of 4, 8, 12 slices")
    for weights, profile in PROFILES.items():
        for seed in range(seeds):
            result = ", ".join(f"{each:.4f}" for each in measure_miss(weights, side, seed))
            click.echo(f"{weights}, {profile} | {seed} | {result}")


if __name__ == "__main__":
    main()
