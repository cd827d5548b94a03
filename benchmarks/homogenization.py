"""homogenization against a yardstick: one FFT pair of a 3 x N^3 field in double precision.

    python benchmarks/homogenization.py [--sides 64 128] [--threads 1 2] [--volume FILE.npz]
                                        [--json FILE]

Six load cases and thermal expansion at tolerance 1e-6 of fibres in a matrix, for the contrasts

glass   E 74, nu .2 in E 4.2, nu .34          carbon  transversely isotropic T300 along z
stiff   fibres 1000 times stiffer             soft    1000 times softer than the matrix
void    nothing in place of the fibres

A spectral solver with a Green operator needs a transform pair for each case and iteration, so
that the time in pairs tells how this one compares on any machine: FANS takes about 540 pairs for
glass, 720 for carbon, 4000 for void and 2200 for a contrast of 1000 at 64^3. Pairs are timed
before and after every solution, on as many threads; the ratio is that of the medians.

--volume  an npz with an array `labels` (1 is the fibre) in place of the fibres made here
"""

import argparse
import json
import resource
import statistics
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter

from recon.core import Volume
from recon.plugins.properties.homogenization import Homogenization

MATRIX = 'unit = "GPa"\n[[phase]]\nE = 4.2\nnu = 0.34\nalpha = 58e-6\n[[phase]]\n'
CONTRASTS = {
    "glass": "E = 74\nnu = 0.2\nalpha = 5e-6\n",
    "carbon": "E1 = 230\nE2 = 15\nnu12 = 0.2\nnu23 = 0.07\nG12 = 15\n"
    'alpha1 = -0.7e-6\nalpha2 = 12e-6\naxis = "z"\n',
    "stiff": "E = 4200\nnu = 0.34\nalpha = 5e-6\n",
    "soft": "E = 0.0042\nnu = 0.34\nalpha = 5e-6\n",
    "void": "void = true\n",
}


def fibres(side: int) -> Volume:
    """A quarter of the volume in strands along z, smooth and misaligned by a few degrees."""
    noise = np.random.default_rng(0).standard_normal((side,) * 3, dtype=np.float32)
    field = gaussian_filter(noise, (16, 2, 2), mode="wrap")
    return Volume(field > np.quantile(field, 0.75))


def pair(side: int, threads: int) -> float:
    """Seconds of one transform and its inverse."""
    field = np.random.default_rng(0).standard_normal((3, side, side, side))
    axes = (1, 2, 3)
    start = time.perf_counter()
    there = scipy.fft.rfftn(field, axes=axes, workers=threads)
    scipy.fft.irfftn(there, field.shape[1:], axes=axes, workers=threads)
    return time.perf_counter() - start


def measured(volume: Volume, materials: Path, threads: int, repeats: int) -> dict[str, Any]:
    """Median seconds, pairs and iterations."""
    side = volume.shape[0]
    solver, times, pairs = Homogenization(materials=str(materials)), [], []
    for _ in range(repeats):
        pairs += [pair(side, threads) for _ in range(5)]
        start = time.perf_counter()
        result = solver.solve(volume)
        times.append(time.perf_counter() - start)
        pairs += [pair(side, threads) for _ in range(5)]
    yardstick, seconds = statistics.median(pairs), statistics.median(times)
    return {
        "seconds": seconds,
        "pair_ms": 1e3 * yardstick,
        "pairs": seconds / yardstick,
        "iterations": int(result.iterations.max()),
        "residual": float(result.residual.max()),
        "E": result.E.values.tolist(),
        "peak_GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--contrasts", nargs="+", default=list(CONTRASTS), choices=CONTRASTS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--volume", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("."), help="for the material files")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    print("side threads contrast  seconds  pair ms  pairs  iterations  residual  peak GB")
    for side in given.sides:
        volume = fibres(side) if given.volume is None else Volume(np.load(given.volume)["labels"])
        for threads in given.threads:
            numba.set_num_threads(threads)
            for name in given.contrasts:
                materials = given.folder / f"{name}.toml"
                materials.write_text(MATRIX + CONTRASTS[name])
                Homogenization(materials=str(materials)).solve(fibres(8))  # compiles
                row = measured(volume, materials, threads, given.repeats)
                rows.append({"side": volume.shape[0], "threads": threads, "contrast": name, **row})
                print(
                    f"{volume.shape[0]:4} {threads:7} {name:8} {row['seconds']:8.2f} "
                    f"{row['pair_ms']:8.1f} {row['pairs']:6.0f} {row['iterations']:11} "
                    f"{row['residual']:9.1e} {row['peak_GB']:8.1f}",
                    flush=True,
                )
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
