"""Elastic constants and thermal expansion of a glass-fibre composite, whole and in subvolumes.

    python benchmarks/real_homogenization.py glassfibre_frt_A.tif [--picture FILE.png]
        [--subvolumes 30] [--side 64] [--whole] [--threads N]

Labels: 0 polymer, 1 fibre, mostly along z. The image is one of glass fibres; as in Lee & Yun 2023
it also lends its geometry to carbon, with the fibre axis along z or along the direction that the
structure tensor finds at every voxel. Pieces are drawn at random with seed 0.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib
import numba
import numpy as np
import tifffile
import xarray as xr
from real_diffusivity import subvolumes

from recon.core import Volume
from recon.plugins.properties.homogenization import Homogenization

matplotlib.use("Agg")
MATRIX = 'unit = "GPa"\n[[phase]]\nE = 4.2\nnu = 0.34\nalpha = 58e-6\n[[phase]]\n'
CARBON = "E1 = 230\nE2 = 15\nnu12 = 0.2\nnu23 = 0.07\nG12 = 15\nalpha1 = -0.7e-6\nalpha2 = 12e-6\n"
MATERIALS = {
    "glass": MATRIX + "E = 74\nnu = 0.2\nalpha = 5e-6\n",
    "carbon along z": MATRIX + CARBON + 'axis = "z"\n',
    "carbon along fibres": MATRIX + CARBON + 'axis = "structure-tensor"\n',
}
GROUPS = {"E / GPa": ("E", "axis"), "G / GPa": ("G", "pair"), "nu": ("nu", "pair")}


def row(result: xr.Dataset) -> dict[str, np.ndarray]:
    """The constants of one volume; expansion in 1e-6 / K."""
    results = {label: result[name].values for label, (name, _) in GROUPS.items()}
    return {**results, "CTE in 1e-6 / K": 1e6 * result["cte"].values[:3]}


def draw(parts: dict[str, dict[str, np.ndarray]], file: Path) -> None:
    """Box plots of the subvolumes: a row of panels for each material."""
    import matplotlib.pyplot as plt

    names = list(next(iter(parts.values())))
    figure, panels = plt.subplots(
        len(parts), len(names), figsize=(11, 2.4 * len(parts)), layout="constrained", squeeze=False
    )
    for line, (material, values) in zip(panels, parts.items(), strict=True):
        for panel, name in zip(line, names, strict=True):
            ticks = ("x", "y", "z") if name[0] in "EC" else ("xy", "xz", "yz")
            panel.boxplot(values[name], tick_labels=ticks, medianprops={"color": "C0"})
            panel.set_title(f"{material}: {name}", fontsize=9)
    figure.savefig(file, dpi=100)


def main() -> None:
    """Print the table; draw it if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--subvolumes", type=int, default=30)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--whole", action="store_true", help="solve the whole volume as well")
    parser.add_argument("--threads", type=int, default=numba.config.NUMBA_NUM_THREADS)
    given = parser.parse_args()
    numba.set_num_threads(given.threads)
    volume = Volume(tifffile.imread(given.file))
    cut = subvolumes(volume, given.subvolumes, given.side)
    fractions = [float(subvolume.labels.mean()) for subvolume in cut]
    print(
        f"shape {volume.shape}, fibre {volume.labels.mean():.4f}, "
        f"subvolumes {np.mean(fractions):.4f}"
    )
    print(
        "material             constant          whole                     mean +- std of subvolumes"
    )
    parts: dict[str, dict[str, np.ndarray]] = {}
    with TemporaryDirectory() as folder:
        for name, text in MATERIALS.items():
            file = Path(folder) / "materials.toml"
            file.write_text(text)
            solver = Homogenization(materials=str(file))
            results = [solver.solve(subvolume) for subvolume in cut]
            rows = [row(result) for result in results]
            parts[name] = {key: np.stack([one[key] for one in rows]) for key in rows[0]}
            result = solver.solve(volume) if given.whole else None
            for key, values in parts[name].items():
                whole = [f"{v:7.3f}" for v in row(result)[key]] if result is not None else ["-"]
                spread = [
                    f"{m:7.3f} +-{s:6.3f}"
                    for m, s in zip(values.mean(0), values.std(0, ddof=1), strict=True)
                ]
                print(f"{name:20} {key:14} {' '.join(whole):26} {'  '.join(spread)}", flush=True)
            seconds = [float(one.seconds) for one in results]
            steps = [int(one.iterations.max()) for one in results]
            line = f"{name:20} subvolumes: {np.median(seconds):.1f} s, "
            line += f"{np.median(steps):.0f} iterations"
            if result is not None:
                line += f"; whole: {float(result.seconds):.0f} s, {int(result.iterations.max())}"
            print(line, flush=True)
    if given.picture:
        draw(parts, given.picture)


if __name__ == "__main__":
    main()
