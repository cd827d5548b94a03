"""Does the memorisation check find copies, and leave real material and bundled networks alone?

    python benchmarks/memorisation.py [--seeds 2] [--shape 64]

For each embedded example: volumes of its bundled weights (36 network passes), subvolumes of the
half that was not trained on, and these with parts of training slices in them.
"""

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from recon.core import Micrographs, Recipe, Volume, sample_steps
from recon.validation.memorisation.memorisation import Memorisation, detect_memorisation
from recon.workflow.examples import EXAMPLES, example

Labels = NDArray[np.uint8]


def generated(name: str, side: int, seed: int) -> Labels:
    harmonizer = {"name": "spectral", "rounds": 2}
    recipe = Recipe.from_table(
        {"weights": name, "shape": [side] * 3, "seed": seed, "steps": 20, "harmonizer": harmonizer}
    )
    for step in sample_steps(recipe):
        last = step
    return last.volume.labels


def subvolume(whole: Labels, side: int, rng: np.random.Generator) -> Labels:
    """A random subvolume of the upper half."""
    half = whole[len(whole) // 2 :]
    z, y, x = (rng.integers(have - side + 1) for have in half.shape)
    return half[z : z + side, y : y + side, x : x + side].copy()


def pasted(labels: Labels, training: Micrographs, every: int, noise: float, part: float) -> Labels:
    """Each `every`-th slice of xy, or the corner of it, copied but for a share of its pixels."""
    rng = np.random.default_rng(0)
    side = len(labels)
    a = round(part * side)
    copied = labels.copy()
    for z in range(0, side, every):
        image = training.planes["xy"][rng.integers(len(training.planes["xy"]))]
        top, left = (rng.integers(have - a + 1) for have in image.shape)
        window = image[top : top + a, left : left + a]
        own = rng.random((a, a)) < noise
        copied[z, :a, :a] = np.where(own, labels[z, :a, :a], window)
    return copied


CASES = {
    "every xy slice copied": (1, 0.0, 1.0),
    "every 8th xy slice copied": (8, 0.0, 1.0),
    "every 4th xy slice, 20 % of its pixels its own": (4, 0.2, 1.0),
    "every 16th xy slice copied": (16, 0.0, 1.0),
    "every 2nd xy slice, a corner of 60 % of the side copied": (2, 0.0, 0.6),
}


def row(name: str, case: str, search: Memorisation, seconds: float) -> str:
    copied = sum(int(size.copied.sum()) for size in search.sizes)
    count = sum(len(size.copied) for size in search.sizes)
    planes = " ".join(dict.fromkeys(size.plane for size in search.copied)) or "-"
    name_case = f"| {name} | {case} | {planes} | {copied} of {count} |"
    return f"{name_case} {search.share:.2f} | {seconds:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--shape", type=int, default=64)
    arguments = parser.parse_args()
    print("| material | volume | copying seen on | near-copies | nearer than 95 % | CPU s |")
    print("|---|---|---|---|---|---|")
    for name in EXAMPLES:
        training, whole = example(name)
        rng = np.random.default_rng(0)
        cases = {}
        for seed in range(arguments.seeds):
            cases[f"generated, seed {seed}"] = generated(name, arguments.shape, seed)
        for number in range(3 * arguments.seeds):
            cases[f"real subvolume {number}"] = subvolume(whole.labels, arguments.shape, rng)
        for case, options in CASES.items():
            cases[case] = pasted(cases["real subvolume 0"], training, *options)
        for case, labels in cases.items():
            begun = time.process_time()
            volume = Volume(labels, whole.voxel_size, whole.phases)
            memorisation = detect_memorisation(volume, training)
            print(row(name, case, memorisation, time.process_time() - begun), flush=True)


if __name__ == "__main__":
    main()
