"""Where the time of a network pass over a volume goes, and the floating-point rate it reaches.

    python benchmarks/sampling.py [--weights porous] [--side 64] [--steps 60] [--device cpu]

Times the parts of one pass of the default sampler (network on each plane, filter, balance,
interface, noise, the step itself) and of the patterns at the end, beside a plain matrix product in
the precision of the network in the same run, then a whole reconstruction. Medians.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import click
import torch
from torch.utils.flop_counter import FlopCounterMode

from recon.core import Recipe, catalog, sample_steps
from recon.core.data.planes import PLANES
from recon.core.estimate import estimate
from recon.core.job import resolve
from recon.core.sampling.noise import reverse
from recon.core.sampling.philox import draw_normal
from recon.core.sampling.scene import Scene
from recon.plugins.harmonizers.interface import measure_interface
from recon.plugins.harmonizers.phase_balance import balance_phases


def median(work: Callable[[], Any], repeats: int = 7) -> float:
    """Seconds, after one call to warm up."""
    times = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])


def matrix_rate(dtype: torch.dtype, device: str) -> float:
    """Floating-point operations per second of a plain matrix product."""
    n = 2048 if device == "cpu" else 8192
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    return 2 * n**3 / median(lambda: a @ b)


@click.command()
@click.option("--weights", default="porous", show_default=True)
@click.option("--side", default=64, show_default=True)
@click.option("--steps", default=60, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@torch.inference_mode()
def main(weights: str, side: int, steps: int, device: str) -> None:
    recipe = Recipe(weights=weights, shape=(side,) * 3, steps=steps, device=device)
    denoiser = resolve(recipe).denoiser
    harmonizer = catalog().build("harmonizer", "spectral")
    taken = harmonizer.steps(denoiser.alpha_bar, steps)
    channels = 1 if len(denoiser.material.phases) == 2 else len(denoiser.material.phases)
    shape = (channels, side, side, side)
    scene = Scene(shape, (False,) * 3, taken[0].ab_t, denoiser.statistics, device)
    scene = harmonizer.prepare(scene)
    spectrum, patterns = scene.prepared.spectrum, catalog().build("refiner", "patterns")
    x = draw_normal(0, 0, 0, shape, device=device)
    step = attrs.evolve(taken[steps // 2], planes=("xy",))
    gain = spectrum.wiener_gain(1.0, ("xy",), harmonizer.h_max)
    clean = estimate(denoiser, step, (0, 0, 0), 64, x)
    draw = partial(reverse, variance="posterior", eta=1.0, temperature=0.8)
    parts = {
        f"network, {plane}": lambda plane=plane: estimate(
            denoiser, attrs.evolve(step, planes=(plane,)), (0, 0, 0), 64, x
        )
        for plane in PLANES
    } | {
        "filter": lambda: spectrum.filter(x, gain),
        "balance": lambda: balance_phases(clean, scene.fractions),
        "interface": lambda: measure_interface(clean),
        "noise": lambda: draw_normal(0, 1, 1, shape, device=device),
        "reverse step": lambda: draw(x, clean, step, x),
        "patterns, once": lambda: patterns.refine(clean, scene),
    }
    with FlopCounterMode(display=False) as counter:
        parts["network, xy"]()
    dtype = next(iter(denoiser._network.parameters())).dtype
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {weights}, {side}^3")
    for name, work in parts.items():
        seconds = median(work)
        rate = f", {counter.get_total_flops() / seconds / 1e9:.0f} GFLOP/s" * ("net" in name)
        print(f"{name:14} {1e3 * seconds:8.1f} ms{rate}")
    print(f"matrix product {matrix_rate(dtype, device) / 1e9:8.0f} GFLOP/s, {dtype}")
    begin = time.perf_counter()
    for _ in sample_steps(recipe, denoiser=denoiser):
        pass
    print(f"reconstruction {time.perf_counter() - begin:8.1f} s, {steps} steps")


if __name__ == "__main__":
    main()
