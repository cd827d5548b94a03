"""Diffusivity of a three-phase NMC cathode: pore, and pore plus binder, whole and in subvolumes.

    python benchmarks/real_diffusivity.py nmc_3phase_matbox.tif [--picture FILE.png]
        [--subvolumes 30] [--side 64]

Labels: 0 pore, 1 NMC, 2 carbon-binder. The binder is porous: it conducts as well as
the pore (an upper limit) or a tenth of it. Pieces are drawn at random with seed 0.
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import tifffile

from recon.core import Volume
from recon.plugins.properties.diffusivity import Diffusivity

matplotlib.use("Agg")
AXES = ("x", "y", "z")
CASES = {
    "pore": Diffusivity(phases=(0,)),
    "pore + binder": Diffusivity(phases=(0, 2)),
    "pore + 0.1 binder": Diffusivity(phases=(0, 2), coefficients=(1.0, 0.1)),
}


def subvolumes(volume: Volume, count: int, side: int) -> list[Volume]:
    """Random cubes."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(count):
        corner = [int(rng.integers(n - side + 1)) for n in volume.shape]
        cut = tuple(slice(c, c + side) for c in corner)
        rows.append(Volume(volume.labels[cut], volume.voxel_size, volume.phases))
    return rows


def draw(whole: dict[str, np.ndarray], parts: dict[str, np.ndarray], file: Path) -> None:
    """Box plots of the subvolumes, the whole volume as a line."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(CASES), figsize=(9, 3), layout="constrained")
    for panel, name in zip(panels, CASES, strict=True):
        panel.boxplot(parts[name], tick_labels=AXES, medianprops={"color": "C0"})
        for n, value in enumerate(whole[name]):
            panel.plot([n + 0.7, n + 1.3], [value, value], "C3--", lw=1.5)
        panel.set_title(name)
        panel.set_ylim(bottom=0)
    panels[0].set_ylabel("D_eff / D_0")
    figure.savefig(file, dpi=110)


def main() -> None:
    """Print the table; draw it if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--subvolumes", type=int, default=30)
    parser.add_argument("--side", type=int, default=64)
    arguments = parser.parse_args()
    volume = Volume(tifffile.imread(arguments.file))
    print(
        f"shape {volume.shape}, fractions {np.bincount(volume.labels.ravel()) / volume.labels.size}"
    )
    cut = subvolumes(volume, arguments.subvolumes, arguments.side)
    whole, parts = {}, {}
    print(
        "case               axis   whole  factor  iterations  seconds | mean    std     min     max"
    )
    for name, solver in CASES.items():
        result = solver.solve(volume)
        whole[name] = result["relative"].values
        parts[name] = np.array([solver.solve(subvolume)["relative"].values for subvolume in cut])
        for n, axis in enumerate(AXES):
            row, sample = result.sel(axis=axis), parts[name][:, n]
            print(
                f"{name:18} {axis:4} {float(row['relative']):7.4f} "
                f"{float(row['tortuosity_factor']):7.3f} {int(row['iterations']):8} "
                f"{float(row['seconds']):11.2f} | {sample.mean():.4f}  {sample.std(ddof=1):.4f}  "
                f"{sample.min():.4f}  {sample.max():.4f}",
                flush=True,
            )
    if arguments.picture:
        draw(whole, parts, arguments.picture)


if __name__ == "__main__":
    main()
