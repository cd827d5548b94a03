"""Errors of phase fractions and contact in blurred three-phase images, by thresholds and restored.

    python benchmarks/blur.py [--labels FILE.tif] [--slices 0,100] [--crop 300] [--seed 0]
                              [--blur 0.8,1.2,1.5,2] [--noise 4,8] [--order 0,1,2]

Slices of labels 0, 1, 2 (of the generated electrode, or of FILE) get grey 40, 125, 210, a Gaussian
blur, noise and 8 bits. Each line holds the largest error of a phase fraction and of a share of the
borders (0|1, 0|2, 1|2), the blur found, and the CPU seconds of the restoration. Without --order
both orders of grey are tried: as the labels are, and with 1 and 2 exchanged.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from recon.imaging.otsu import find_otsu_thresholds
from recon.imaging.restoration import restore
from recon.workflow.examples import electrode

GREYS = np.array([40.0, 125.0, 210.0])
Labels = NDArray[np.uint8]


def render(labels: Labels, blur: float, noise: float, seed: int) -> Labels:
    """As a microscope shows them: grey, blurred, with noise."""
    noisy = noise * np.random.default_rng(seed).standard_normal(labels.shape)
    return np.clip(np.round(gaussian_filter(GREYS[labels], blur) + noisy), 0, 255).astype(np.uint8)


def measure(images: list[Labels]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Phase fractions, and shares of 0|1, 0|2 and 1|2 among the borders of pixels."""
    counts, both = np.zeros(3), np.zeros((3, 3))
    for labels in images:
        counts += np.bincount(labels.ravel(), minlength=3)
        for a, b in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
            np.add.at(both, (a, b), 1)
    pairs = (both + both.T)[[0, 0, 1], [1, 2, 2]]
    return counts / counts.sum(), pairs / pairs.sum()


def compare(found: list[Labels], truth: list[Labels]) -> tuple[float, float]:
    """Largest error of a fraction and of a share of the borders."""
    errors = [np.abs(a - b).max() for a, b in zip(measure(found), measure(truth), strict=True)]
    return float(errors[0]), float(errors[1])


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--slices", type=numbers, default=[0, 24])
    parser.add_argument("--crop", type=int, default=300, help="largest side of a slice")
    parser.add_argument("--blur", type=numbers, default=[0.8, 1.2, 1.5, 2.0])
    parser.add_argument("--noise", type=numbers, default=[4.0, 8.0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--order", type=numbers)
    args = parser.parse_args()
    volume = tifffile.imread(args.labels) if args.labels else electrode.generate((48, 160, 160))
    volume = volume[None] if volume.ndim == 2 else volume
    places = [int(z) for z in args.slices if z < len(volume)]
    print("order  blur  noise  Otsu         restored     blur found  CPU s")
    for order in [args.order] if args.order else [[0, 1, 2], [0, 2, 1]]:
        grey = np.array(order, np.uint8)
        for blur in args.blur:
            for noise in args.noise:
                # Beyond the edges a microscope sees the material go on: blur first, then crop.
                margin = int(4 * blur + 1)
                whole = [grey[volume[z][: args.crop, : args.crop]] for z in places]
                inner = (slice(margin, -margin),) * 2
                truth = [labels[inner] for labels in whole]
                images = [
                    render(labels, blur, noise, 1000 * args.seed + k)[inner]
                    for k, labels in enumerate(whole)
                ]
                cuts = find_otsu_thresholds(images, 3)
                plain = [np.searchsorted(cuts, image, side="right") for image in images]
                start = time.process_time()
                found, picture = restore(images, cuts)
                spent = time.process_time() - start
                errors = [compare(labels, truth) for labels in (plain, found)]
                each = "  ".join(f"{fraction:.3f}  {contact:.3f}" for fraction, contact in errors)
                name = "".join(map(str, map(int, order)))
                print(
                    f"{name:5}  {blur:4}  {noise:5}  {each}  {picture.blur:10.2f}  {spent:5.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
