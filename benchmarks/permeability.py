"""permeability against poromics (lattice Boltzmann), in one run.

    pip install poromics && TI_ARCH=x64 TI_CPU_MAX_NUM_THREADS=1 NUMBA_NUM_THREADS=1 \\
    OMP_NUM_THREADS=1 python benchmarks/permeability.py [--sides 64 128] [--repeats 3]
        [--steps 6000] [--without poromics] [--json FILE]

Pressure drop along z, periodic sides, half of a smoothed Gaussian field flows. CPU seconds, medians
of whole calls after a first one that compiles (its time is given too). poromics counts the time
steps alone, and is watched every 100: that its own stopping rule must guess is not held against it.

error   relative to the solver's own over-converged value on the same voxels: recon at tolerance
        1e-10, poromics at the last of its steps. Times are those at which it is below 1e-2, 1e-3
voxels  relative deviation of the over-converged value from that of the same field sampled three
        times as finely (two times beyond 64^3), by recon: what the voxels themselves cost
pairs   the time in transforms of a 3 x N^3 field and back, in double precision
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from recon.core import Volume
from recon.plugins.properties.permeability import Permeability

ERRORS = (1e-2, 1e-3)
WATCHED = 100  # steps between looks at the permeability of poromics
Mask = NDArray[np.bool_]


def blobs(side: int, finer: int = 1) -> Mask:
    """Half of a smoothed Gaussian field, the same at any fineness."""
    noise = np.random.default_rng(0).standard_normal((side,) * 3)
    waves = np.fft.fftshift(np.fft.fftn(noise))
    k = np.arange(-(side // 2), side - side // 2)
    damp = np.exp(-2 * (np.pi * 3 * k / side) ** 2)
    shift = damp * np.exp(1j * np.pi * k / side * (1 / finer - 1)) * (k > -side / 2)
    waves *= shift[:, None, None] * shift[:, None] * shift
    wide = np.pad(waves, (finer - 1) * side // 2)
    field = np.fft.ifftn(np.fft.ifftshift(wide)).real
    return np.asarray(field > 0)


def by_recon(fluid: Mask, tolerance: float) -> float:
    """Permeability in squares of a voxel's edge."""
    solver = Permeability(axes=("z",), sides="periodic", tolerance=tolerance)
    return float(solver.solve(Volume(fluid.astype(np.uint8)))["permeability"][0])


def by_poromics(fluid: Mask, steps: int) -> Iterator[tuple[float, float]]:
    """CPU seconds of all steps so far and the permeability, every so many steps."""
    import taichi
    from loguru import logger
    from poromics._metrics import _d3q19, _trim_nonpercolating
    from poromics.simulation import TransientFlow

    logger.remove()
    flow = TransientFlow(_trim_nonpercolating(fluid, 0), axis=0, nu=1e-6, voxel_size=1e-6)
    flow.step()
    taichi.sync()
    gradient = 0.01 * _d3q19.cs2 / len(fluid)
    seconds = 0.0
    for _ in range(steps // WATCHED):
        begin = time.process_time()
        for _ in range(WATCHED):
            flow.step()
        taichi.sync()
        seconds += time.process_time() - begin
        velocity = flow.velocity[..., 0] * flow.dt / 1e-6
        yield seconds, float(velocity.mean()) * _d3q19.nu / gradient


def median(call: Callable[[], float], repeats: int) -> tuple[float, float]:
    """Median CPU seconds of several calls, and what the last returned."""
    times, value = [], 0.0
    for _ in range(repeats):
        begin = time.process_time()
        value = call()
        times.append(time.process_time() - begin)
    return statistics.median(times), value


def pair(side: int) -> float:
    """One transform and back, for its time."""
    field = np.zeros((3, side, side, side))
    there = scipy.fft.rfftn(field, axes=(1, 2, 3))
    return float(scipy.fft.irfftn(there, field.shape[1:], axes=(1, 2, 3))[0, 0, 0, 0])


def compare(side: int, repeats: int, steps: int, without: list[str]) -> list[dict[str, Any]]:
    """One row for each solver and error."""
    fluid, yardstick = blobs(side), median(lambda: pair(side), 5)[0]
    finer = 3 if side <= 64 else 2
    truth, rows = by_recon(blobs(side, finer), 1e-5) / finer**2, []
    exact = by_recon(fluid, 1e-10)
    for tolerance in (*ERRORS, 1e-5):
        seconds, value = median(lambda t=tolerance: by_recon(fluid, t), repeats)  # type: ignore[misc]
        rows.append({"solver": "recon", "asked": tolerance, "error": value / exact - 1})
        rows[-1] |= {"seconds": seconds, "voxels": exact / truth - 1, "times recon": 1.0}
    if "poromics" not in without:
        course = list(by_poromics(fluid, steps))
        last = course[-1][1]
        for error, own in zip(ERRORS, rows, strict=False):
            late = [n for n, (_, k) in enumerate(course) if abs(k / last - 1) > error]
            seconds, value = course[late[-1] + 1 if late else 0]
            rows.append({"solver": "poromics", "asked": error, "error": value / last - 1})
            rows[-1] |= {"seconds": seconds, "voxels": last / truth - 1}
            rows[-1]["times recon"] = seconds / own["seconds"]
    for row in rows:
        row |= {"side": side, "pairs": row["seconds"] / yardstick}
        print(
            f"{side:4} {row['solver']:9} {row['asked']:7.0e} {row['error']:9.1e} "
            f"{row['seconds']:9.2f} {row['pairs']:7.0f} {row['times recon']:12.1f} "
            f"{row['voxels']:8.3f}",
            flush=True,
        )
    return rows


def main() -> None:
    """Print the comparison; write it as JSON too if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6000, help="of poromics")
    parser.add_argument("--without", nargs="+", default=[], choices=["poromics"])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    begin = time.process_time()
    by_recon(blobs(16), 1e-5)
    found: dict[str, Any] = {"first call": time.process_time() - begin, "rows": []}
    print(f"first call {found['first call']:.2f} s")
    print("side solver      asked     error   seconds   pairs  times recon   voxels")
    for side in given.sides:
        found["rows"] += compare(side, given.repeats, given.steps, given.without)
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
