"""two-point and lineal-path against porespy and a plain FFT, in one run.

    pip install porespy && python benchmarks/metrics.py [--sides 64 128 256] [--json FILE]

Times are the least of several runs in seconds, after a first call that compiles or loads the
cached machine code (its time is given too). The volume is an anisotropic three-phase texture.

recon      all three phases, x, y and z, lags up to half the side, on one and two threads
porespy    one phase: `two_point_correlation` (radial) up to 128^3, more needs too much memory;
           `distance_transform_lin` and `lineal_path_distribution` on each axis, which gives a
           histogram of distances, not L(r)
plain FFT  one phase: the periodic two-point map by one real FFT and its inverse, one thread;
           its three axes must equal recon's periodic curves
memory     bytes read and written by copying 256 MiB; the bound is one read of the volume for
           each direction at that rate
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import porespy
import scipy.fft
from scipy.ndimage import gaussian_filter

from recon.core import Volume
from recon.plugins.metrics.lineal_path import LinealPath
from recon.plugins.metrics.two_point import TwoPoint

LARGEST_PORESPY_PAIRS = 128


def best(call: Callable[[], Any], repeats: int) -> float:
    """Least time of several calls, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def texture(side: int) -> Volume:
    """Three phases of a smoothed Gaussian field, longer along x."""
    noise = np.random.default_rng(0).standard_normal((side,) * 3, dtype=np.float32)
    field = gaussian_filter(noise, (2, 2, 4), mode="wrap")
    return Volume(np.digitize(field, np.quantile(field, (0.4, 0.7))))


def plain_fft(volume: Volume) -> np.ndarray:
    """Periodic two-point map of phase 1."""
    spectrum = scipy.fft.rfftn((volume.labels == 1).astype(float))
    power = spectrum.real**2 + spectrum.imag**2
    return scipy.fft.irfftn(power, volume.shape) / volume.labels.size


def porespy_paths(volume: Volume) -> None:
    """Histogram of linear distances of phase 1 along each axis."""
    phase = volume.labels == 1
    for axis in range(3):
        distances = porespy.filters.distance_transform_lin(phase, axis=axis)
        porespy.metrics.lineal_path_distribution(distances)


def check_against_fft(volume: Volume) -> None:
    """Recon's periodic curves are the three axes of the plain map."""
    plain = plain_fft(volume)
    lags = min(volume.shape) // 2 + 1
    axes = np.stack([plain[0, 0, :lags], plain[0, :lags, 0], plain[:lags, 0, 0]])
    np.testing.assert_allclose(TwoPoint(periodic=True).measure(volume)[1], axes, atol=1e-12)


def copy_rate() -> float:
    """Bytes a second read and written by one thread that copies memory."""
    source = np.ones(1 << 25)
    target = np.empty_like(source)
    return 2 * source.nbytes / best(lambda: np.copyto(target, source), 7)


def first_calls() -> dict[str, float]:
    """Seconds of the first call of each metric in this process."""
    small = texture(16)
    return {
        metric.name: best(lambda metric=metric: metric.measure(small), 1)  # type: ignore[misc]
        for metric in (TwoPoint(), LinealPath())
    }


def compare(side: int, rate: float) -> dict[str, Any]:
    """Times at one size."""
    volume = texture(side)
    check_against_fft(volume)
    times: dict[str, Any] = {"side": side}
    for threads in sorted({1, min(2, numba.config.NUMBA_NUM_THREADS)}):
        numba.set_num_threads(threads)
        for metric in (TwoPoint(), LinealPath()):
            call = lambda metric=metric: metric.measure(volume)  # type: ignore[misc] # noqa: E731
            times[f"{metric.name}, {threads} thread(s)"] = best(call, 7)
    times["plain FFT"] = best(lambda: plain_fft(volume), 3)
    phase = volume.labels == 1
    if side <= LARGEST_PORESPY_PAIRS:
        call = lambda: porespy.metrics.two_point_correlation(phase)  # noqa: E731
        times["porespy two-point"] = best(call, 2)
    times["porespy lineal path"] = best(lambda: porespy_paths(volume), 2 if side < 256 else 1)
    for metric, peer in (("two-point", "two-point"), ("lineal-path", "lineal path")):
        own = times[f"{metric}, 1 thread(s)"]
        if f"porespy {peer}" in times:
            times[f"{metric}: times faster than porespy"] = times[f"porespy {peer}"] / own
        bound = 3 * volume.labels.nbytes / rate
        times[f"{metric}: share of the memory bound"] = bound / own
    return times


def main() -> None:
    """Print the comparison; write it as JSON too if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    porespy.settings.tqdm["disable"] = True
    results = {"first call": first_calls(), "copy bytes/s": copy_rate()}
    print(json.dumps(results))
    results["sizes"] = []
    for side in arguments.sides:
        results["sizes"].append(compare(side, results["copy bytes/s"]))
        for what, value in results["sizes"][-1].items():
            print(f"{what:45} {value:12.6g}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
