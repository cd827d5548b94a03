"""How often the plane check is wrong: false alarms on real slices, and defects that it finds.

    python benchmarks/plane_check.py [--data FOLDER] [--choices 100] [--defect-choices 20]

--data is a folder with the tomograms of benchmarks/reconstruction; without it only the embedded
materials are tried, each half of every one. Slices are chosen at random: so many of each plane,
anywhere in the volume, or neighbours of one another ("in a row": serial sections).
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from recon.core import Micrographs
from recon.imaging.plane_check.line_sums import LineSums
from recon.imaging.plane_check.plane_check import check_planes
from recon.imaging.plane_check.plane_differences import compare_planes, find_disagreements
from recon.imaging.plane_check.plane_statistics import PlaneStatistics
from recon.workflow.examples import EXAMPLES

REAL = {
    "separator": ("separator_lr.tif", None),
    "fibre-composite": ("glassfibre_frt_A.tif", 128),
    "nmc": ("nmc_3phase_matbox.tif", 125),
    "berea": ("berea.tif", 128),
}
Stacks = dict[str, list[NDArray[np.uint8]]]
Defect = Callable[[Stacks, int], Stacks]


def volumes(data: Path | None) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Name and labels of every half."""
    for name, chosen in EXAMPLES.items():
        labels = chosen.generate()
        middle = len(labels) // 2
        yield f"{name} 1", labels[:middle]
        yield f"{name} 2", labels[middle:]
    if data is None:
        return
    for name, (file, middle) in REAL.items():
        labels = tifffile.imread(data / file).astype(np.uint8)
        if middle is None:
            yield name, labels
        else:
            yield f"{name} 1", labels[:middle]
            yield f"{name} 2", labels[middle:]


def stacks(labels: NDArray[np.uint8]) -> Stacks:
    turned = {"xy": (0, 1, 2), "xz": (1, 0, 2), "yz": (2, 0, 1)}
    return {p: list(np.ascontiguousarray(labels.transpose(t))) for p, t in turned.items()}


def chosen(count: int, length: int, row: bool, rng: np.random.Generator) -> NDArray[np.int64]:
    count = min(count, length)
    if row:
        return rng.integers(length - count + 1) + np.arange(count)
    return np.sort(rng.choice(length, count, replace=False))


def false_alarms(labels: NDArray[np.uint8], choices: int, cases: list[tuple[int, bool]]) -> list:
    """Share of random choices for which planes of one volume are said to disagree."""
    phases = int(labels.max()) + 1
    lags = int(np.log2(min(min(labels.shape) // 4, 32))) + 1
    sums = {plane: LineSums.of(stack, phases, lags) for plane, stack in stacks(labels).items()}
    rng = np.random.default_rng(0)
    shares = []
    for count, row in cases:
        alarms = 0
        for _ in range(choices):
            planes = {}
            for plane, entry in sums.items():
                here = chosen(count, len(entry.pixels), row, rng)
                part = entry.map(lambda counts, here=here: counts[here])
                planes[plane] = PlaneStatistics.of_sums(part)
            alarms += bool(find_disagreements(compare_planes(planes)))
        shares.append(alarms / choices)
    return shares


def transposed(plane: str) -> Defect:
    return lambda s, phases: {**s, plane: [image.T for image in s[plane]]}


def as_yz(s: Stacks, phases: int) -> Stacks:
    return {**s, "yz": s["xz"]}


def magnified(factor: float) -> Defect:
    """yz at a larger magnification; phases are scaled one by one and decided anew."""

    def change(s: Stacks, phases: int) -> Stacks:
        return {**s, "yz": [scaled(image, phases, factor) for image in s["yz"]]}

    return change


def scaled(image: NDArray[np.uint8], phases: int, factor: float) -> NDArray[np.uint8]:
    weights = [zoom((image == k).astype(float), factor, order=1) for k in range(phases)]
    return np.argmax(weights, axis=0).astype(np.uint8)


def threshold(shift: float) -> Defect:
    """yz with the last phase larger by a share of all pixels: a blurred image cut lower."""

    def change(s: Stacks, phases: int) -> Stacks:
        last = phases - 1
        blurred = [gaussian_filter((image == last).astype(float), 1.0) for image in s["yz"]]
        noise = np.random.default_rng(0)
        blurred = [b + 1e-6 * noise.random(b.shape) for b in blurred]
        share = np.mean([np.mean(image == last) for image in s["yz"]])
        level = np.quantile(np.concatenate([b.ravel() for b in blurred]), 1 - share - shift)
        cut = [
            np.where(b > level, last, np.where(image == last, 0, image)).astype(np.uint8)
            for b, image in zip(blurred, s["yz"], strict=True)
        ]
        return {**s, "yz": cut}

    return change


DEFECTS: dict[str, Defect] = {
    "xy transposed": transposed("xy"),
    "xz transposed": transposed("xz"),
    "yz transposed": transposed("yz"),
    "xz given as yz": as_yz,
    **{f"yz {factor}x": magnified(factor) for factor in (1.1, 1.2, 1.35, 1.5, 2.0)},
    **{f"threshold +{shift}": threshold(shift) for shift in (0.02, 0.03, 0.05)},
}


def detections(labels: NDArray[np.uint8], choices: int, count: int) -> list[str]:
    """Share of random choices of slices for which each defect is found (and of them remedied)."""
    phases = int(labels.max()) + 1
    every = stacks(labels)
    shares = []
    for defect in DEFECTS.values():
        rng = np.random.default_rng(1)
        detected = named = 0
        for _ in range(choices):
            part = {p: [s[i] for i in chosen(count, len(s), False, rng)] for p, s in every.items()}
            check = check_planes(Micrographs(defect(part, phases), phases=list("0123")[:phases]))
            detected += not check.agree
            named += bool(check.remedies)
        shares.append(f"{detected / choices:.2f} ({named / choices:.2f})")
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--choices", type=int, default=100)
    parser.add_argument("--defect-choices", type=int, default=20)
    parser.add_argument("--counts", type=int, nargs="*", default=[8, 32])
    arguments = parser.parse_args()
    cases = [(count, False) for count in (1, 2, 4, 8, 16, 32, 999)] + [(8, True), (16, True)]
    names = [("all" if n == 999 else str(n)) + " in a row" * row for n, row in cases]
    print("False alarms, share of random choices;", arguments.choices, "choices; slices a plane:")
    print("| material | " + " | ".join(names) + " |")
    for name, labels in volumes(arguments.data):
        shares = false_alarms(labels, arguments.choices, cases)
        print(f"| {name} | " + " | ".join(f"{share:.2f}" for share in shares) + " |")
        sys.stdout.flush()
    for count in arguments.counts:
        print(f"\nFound (with a remedy), {count} slices a plane:")
        print("| material | " + " | ".join(DEFECTS) + " |")
        for name, labels in volumes(arguments.data):
            if not name.endswith("2"):
                shares = detections(labels, arguments.defect_choices, count)
                print(f"| {name} | " + " | ".join(shares) + " |")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
