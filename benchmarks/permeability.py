"""permeability against lbmpy and poromics (lattice Boltzmann), in one run.

    pip install lbmpy joblib poromics loguru && TI_ARCH=x64 TI_CPU_MAX_NUM_THREADS=1 \\
    NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/permeability.py [--sides 64 128]
        [--repeats 3] [--steps 1500] [--relaxation 1.0] [--with lbmpy poromics] [--json FILE]

Half of a smoothed Gaussian field flows, along z. CPU seconds, medians of whole calls after a first
one that compiles (its time is given too). Of the others only the time steps count, and they are
watched as they go: that a stopping rule must guess is not held against them.

recon     a pressure drop with periodic sides, and a force in the periodic volume
lbmpy     a force in the periodic volume, two relaxation times (3/16), double precision, C
poromics  a pressure drop with periodic sides, single precision, Taichi. Its end faces hold the
          fluid back: in a plane channel 12 voxels wide it finds 8 % of Poiseuille's permeability
          where the channel is 16 long, 16 % where it is 32 long

error   relative to the solver's own over-converged value on the same voxels: recon at tolerance
        1e-10, the others at the last of their steps
within  1e-2 and 1e-3: the time of the others is that from which on their error is below, that of
        recon the one of the loosest tolerance (10, 3, 1 times as much) that keeps to it
voxels  relative deviation of the over-converged value from that of the same field sampled three
        times as finely (two times beyond 64^3), by recon: what the voxels themselves cost
pairs   the time in transforms of a 3 x N^3 field and back, in double precision
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from recon.core import Volume
from recon.plugins.properties.permeability import Permeability

ERRORS = (1e-2, 1e-3)
WATCHED = 25
"""Steps of the others from one look at their permeability to the next."""
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


def by_recon(fluid: Mask, tolerance: float, driven: str = "pressure") -> float:
    """Permeability in squares of a voxel's edge; driven by a pressure drop or a force."""
    how: dict[str, Any] = {"sides": "periodic"} if driven == "pressure" else {"periodic": True}
    solver = Permeability(axes=("z",), tolerance=tolerance, **how)
    return float(solver.solve(Volume(fluid.astype(np.uint8)))["permeability"][0])


def by_lbmpy(fluid: Mask, steps: int, relaxation: float) -> Iterator[tuple[float, float]]:
    """CPU seconds of all steps so far and the permeability, every so many steps."""
    from lbmpy import LBMConfig, LBMOptimisation, LBStencil, Method, Stencil
    from lbmpy.boundaries import NoSlip
    from lbmpy.lbstep import LatticeBoltzmannStep

    force, viscosity = 1e-6, (1 / relaxation - 0.5) / 3
    flow = LatticeBoltzmannStep(
        domain_size=fluid.shape,
        periodicity=True,
        lbm_config=LBMConfig(
            stencil=LBStencil(Stencil.D3Q19),
            method=Method.TRT,
            relaxation_rate=relaxation,
            force=(force, 0, 0),
            compressible=False,
        ),
        lbm_optimisation=LBMOptimisation(cse_global=True),
    )

    def find_solid(*centres: NDArray[np.float64]) -> Mask:
        places = (np.floor(c).astype(int) % n for c, n in zip(centres, fluid.shape, strict=True))
        return ~fluid[tuple(places)]

    flow.boundary_handling.set_boundary(NoSlip(), mask_callback=find_solid)
    loop = flow.get_time_loop()
    flow.pre_run()
    seconds = 0.0
    for _ in range(steps // WATCHED):
        begin = time.process_time()
        loop.run(WATCHED)
        seconds += time.process_time() - begin
        flow.post_run()
        velocity = np.where(fluid, np.ma.filled(flow.velocity[:, :, :, 0], 0.0), 0.0)
        # What is stored has collided: it has the momentum of one force too much.
        excess = force * fluid.mean()
        yield seconds, float(velocity.mean() - excess) * viscosity / force


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


def compare(side: int, given: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each solver and error."""
    fluid, yardstick = blobs(side), median(lambda: pair(side), 5)[0]
    finer = 3 if side <= 64 else 2
    truth: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    own: dict[tuple[str, float], float] = {}
    for driven in ("pressure", "force"):
        truth[driven] = by_recon(blobs(side, finer), 1e-5, driven) / finer**2
        exact = by_recon(fluid, 1e-10, driven)
        for error in (*ERRORS, 1e-5):
            for tolerance in (10 * error, 3 * error, error):
                if abs(by_recon(fluid, tolerance, driven) / exact - 1) <= error:
                    break
            seconds, value = median(partial(by_recon, fluid, tolerance, driven), given.repeats)
            own[driven, error] = seconds
            rows.append({"solver": f"recon, {driven}", "within": error, "times recon": 1.0})
            rows[-1] |= {"tolerance": tolerance, "seconds": seconds, "error": value / exact - 1}
            rows[-1] |= {"voxels": exact / truth[driven] - 1}
    others = {
        "lbmpy": ("force", lambda: by_lbmpy(fluid, given.steps, given.relaxation)),
        "poromics": ("pressure", lambda: by_poromics(fluid, given.steps)),
    }
    for name in given.others:
        driven, run = others[name]
        course = list(run())
        last = course[-1][1]
        for error in ERRORS:
            late = [n for n, (_, k) in enumerate(course) if abs(k / last - 1) > error]
            seconds, value = course[late[-1] + 1 if late else 0]
            rows.append({"solver": name, "within": error, "error": value / last - 1})
            rows[-1] |= {"seconds": seconds, "voxels": last / truth[driven] - 1}
            rows[-1]["times recon"] = seconds / own[driven, error]
    for row in rows:
        row |= {"side": side, "pairs": row["seconds"] / yardstick}
        print(
            f"{side:4} {row['solver']:15} {row['within']:7.0e} {row['error']:9.1e} "
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
    parser.add_argument("--steps", type=int, default=1500, help="of the others")
    parser.add_argument("--relaxation", type=float, default=1.0, help="rate, of lbmpy")
    parser.add_argument(
        "--with", dest="others", nargs="*", default=["lbmpy"], choices=["lbmpy", "poromics"]
    )
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    begin = time.process_time()
    by_recon(blobs(16), 1e-5)
    results: dict[str, Any] = {"first call": time.process_time() - begin, "rows": []}
    print(f"first call {results['first call']:.2f} s")
    print("side solver           within     error   seconds   pairs  times recon   voxels")
    for side in given.sides:
        results["rows"] += compare(side, given)
    if given.json is not None:
        given.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
