"""Time, file size and peak memory of every export: python benchmarks/export.py [SIDE...]

Each format in a process of its own, on a random three-phase texture; the time is the CPU time of
`export` alone, so that other work does not count; the memory what the process gained by it.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from recon.core import Volume, export

CASES = ["tif", "vti", "npy", "raw", "h5", "inp", "inp equations", "stl", "ply"]


def texture(side: int) -> Volume:
    field = gaussian_filter(np.random.default_rng(0).standard_normal((side,) * 3), 3, mode="wrap")
    labels = np.digitize(field, np.quantile(field, [0.4, 0.75])).astype(np.uint8)
    return Volume(labels, (4e-7,) * 3)


def one(case: str, side: int) -> None:
    suffix, *flags = case.split()
    options = dict.fromkeys(flags, True)
    volume = texture(side)
    export(texture(8), Path(tempfile.mkdtemp()) / f"a.{suffix}", **options)  # imports
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        files = export(volume, Path(folder) / f"a.{suffix}", **options)
        seconds = time.process_time() - begin
        size = sum(file.stat().st_size for file in files) / 1e6
    gained = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    print(f"| {case} | {side} | {seconds:.2f} | {size:.1f} | {max(gained, 0):.0f} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "one":
        one(sys.argv[2], int(sys.argv[3]))
    else:
        print("| format | side | CPU s | MB | MB of memory |\n|---|---|---|---|---|", flush=True)
        for side in map(int, sys.argv[1:] or (64, 128)):
            for case in CASES:
                subprocess.run([sys.executable, __file__, "one", case, str(side)], check=True)
