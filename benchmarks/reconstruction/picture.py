"""Slices of the real volume and of volumes of each sampler, to be looked at."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from recon.core import Volume
from recon.core.data.planes import NORMAL, PLANES

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

COLOURS = ListedColormap(["#1a2b4d", "#f4b248", "#3fa68f", "#c0504d"])


def draw(rows: dict[str, dict[str, Volume]], path: Path) -> None:
    """Draw `{material: {"real" or sampler: volume}}`, the middle slice of each plane."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    size = (3 * len(names), len(rows))
    figure, axes = plt.subplots(
        len(rows), 3 * len(names), figsize=(1.1 * size[0], 1.25 * size[1]), squeeze=False
    )
    for line, (material, row) in zip(axes, rows.items(), strict=True):
        for i, name in enumerate(names):
            for j, plane in enumerate(PLANES):
                cell = line[3 * i + j]
                cell.axis("off")
                if name not in row:
                    continue
                labels = np.moveaxis(row[name].labels, NORMAL[plane], 0)
                image = labels[len(labels) // 2][:64, :64]
                colours = ListedColormap(COLOURS.colors[: len(row[name].phases)])
                top = len(row[name].phases) - 0.5
                cell.imshow(image, cmap=colours, vmin=-0.5, vmax=top, interpolation="nearest")
                if j == 0:
                    cell.set_title(f"{material}: {name}", fontsize=7, loc="left")
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_rows(rows: dict[str, list[Volume]], plane: str, path: Path, count: int = 7) -> None:
    """Draw `{"real" or sampler: volumes}`: slices of one plane at even places, a row each."""
    images = {}
    for name, volumes in rows.items():
        stacks = [np.moveaxis(volume.labels, NORMAL[plane], 0) for volume in volumes]
        picked = [stacks[n % len(stacks)] for n in range(count)]
        images[name] = [
            stack[(2 * n + 1) * len(stack) // (2 * count)][:64, :64]
            for n, stack in enumerate(picked)
        ]
    draw_images(images, len(next(iter(rows.values()))[0].phases), path)


def draw_images(rows: dict[str, list[NDArray[np.uint8]]], phases: int, path: Path) -> None:
    """Draw `{name: label images}`, a row each."""
    count = max(map(len, rows.values()))
    figure, axes = plt.subplots(
        len(rows), count, figsize=(1.3 * count, 1.42 * len(rows)), squeeze=False
    )
    colours = ListedColormap(COLOURS.colors[:phases])
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for cell, image in zip(line, images, strict=False):
            cell.imshow(image, cmap=colours, vmin=-0.5, vmax=phases - 0.5, interpolation="nearest")
        for cell in line:
            cell.axis("off")
        line[0].set_title(name, fontsize=8, loc="left")
    figure.tight_layout(pad=0.3, h_pad=1.0)
    figure.savefig(path, dpi=100)
    plt.close(figure)
