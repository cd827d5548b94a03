"""All that a GPU is to be measured for, in one run of a few minutes: python benchmarks/gpu.py

    python benchmarks/gpu.py --out gpu.json --weights-out weights/   # a large card, some minutes
    python benchmarks/gpu.py --device cpu --toy --out toy.json       # at toy size, anywhere

Solvers (elasticity, diffusivity, permeability): seconds by size, and their values beside the
CPU's. Sampling with the bundled weights by size; a pass of the network of preset `paper` by slice,
with its floating-point rate beside a plain matrix product. Training of `paper` for a fixed time on
the fibres example, and of the bundled presets in full for --weights-out. A part that fails is noted
with its error and the others go on; the JSON is written after each.
"""

import contextlib
import json
import platform
import statistics
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from recon.core import Recipe, Volume, catalog, sample_steps
from recon.core.job import resolve
from recon.core.sampling.noise import respace
from recon.workflow.examples import example, fibres
from recon.workflow.model import Model

MATERIALS = "glass-epoxy"
EXAMPLES = ("porous", "fibres", "electrode")


@attrs.frozen
class Size:
    """How much of everything.

    solvers, sampling  sides of volumes;  check  side at which values are held against the CPU's
    steps              of the sampler, by name of the mode
    paper, bundled     seconds of training of `paper`, steps of each bundled network (None: its own)
    """

    solvers: tuple[int, ...] = (64, 128, 256)
    sampling: tuple[int, ...] = (64, 128, 256)
    check: int = 64
    steps: tuple[tuple[str, int], ...] = (("default", 60), ("20 steps", 20))
    paper: float = 150.0
    bundled: int | None = None


TOY = Size((16,), (16,), 16, (("3 steps", 3),), paper=5.0, bundled=5)


def wait(device: str) -> None:
    """Until the GPU has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def measure_seconds(work: Callable[[], Any], device: str, repeats: int = 1) -> float:
    """Median seconds, after one call to warm up."""
    work()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def describe(device: str) -> dict[str, Any]:
    """The machine."""
    card = torch.cuda.get_device_name() if device == "cuda" else platform.processor()
    return {"device": device, "card": card, "torch": torch.__version__}


def solve(device: str, size: Size) -> dict[str, Any]:
    """Each solver by size: seconds, iterations; largest relative difference from the CPU."""
    results: dict[str, Any] = {}
    labels = fibres.generate((max(size.solvers),) * 3)
    for name, options, key in (
        ("homogenization", {"materials": MATERIALS}, "stiffness"),
        ("diffusivity", {"phases": [0], "axes": ["z"]}, "relative"),
        ("permeability", {"phases": [0], "axes": ["z"]}, "permeability"),
    ):
        rows = {}
        for side in size.solvers:
            volume = Volume(labels[:side, :side, :side], (1e-6,) * 3, ("matrix", "fibre"))
            plugin = catalog().build("property", name, device=device, **options)
            begun = time.perf_counter()
            result = plugin.solve(volume)
            wait(device)
            row = {"seconds": time.perf_counter() - begun}
            row["iterations"] = int(np.max(result["iterations"]))
            if device == "cuda":
                row["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
                torch.cuda.reset_peak_memory_stats()
            if side == size.check:
                on_cpu = catalog().build("property", name, device="cpu", **options).solve(volume)
                a, b = result[key].values, on_cpu[key].values
                row["difference"] = float(np.abs(a - b).max() / np.abs(b).max())
            rows[side] = row
        results[name] = rows
    return results


def sample(device: str, size: Size) -> dict[str, Any]:
    """Seconds of one volume by example and side, default and fast."""
    results: dict[str, Any] = {}
    for name in EXAMPLES:
        for side in size.sampling:
            for mode, steps in size.steps:
                recipe = Recipe(weights=name, shape=(side,) * 3, device=device, steps=steps)
                job = resolve(recipe)
                begun = time.perf_counter()
                *_, last = sample_steps(job)
                wait(device)
                key = f"{name} {side} {mode}"
                results[key] = {
                    "seconds": time.perf_counter() - begun,
                    "fractions": last.volume.fractions().round(4).tolist(),
                }
    return results


def pass_paper(device: str, size: Size) -> dict[str, Any]:
    """A pass of the network of preset `paper` over slices: GFLOP a slice and the rate reached."""
    micrographs, _ = example("fibres")
    options = {"preset": "paper", "steps": 1, "batch": 1}
    if size is TOY:
        options |= {"width": 16, "crop": 32}
    denoiser = catalog().build("denoiser", "unet-ddpm", **options)
    denoiser.fit(micrographs, device=device)
    step = respace(denoiser.alpha_bar, 10)[5]
    slices = torch.randn(32 if size is not TOY else 2, 1, 64, 64, device=device)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        denoiser.clean(slices, step, "xy")
    with torch.inference_mode():
        seconds = measure_seconds(lambda: denoiser.clean(slices, step, "xy"), device, 5)
    n, kind = (1024, torch.float32) if device == "cpu" else (8192, torch.bfloat16)
    a, b = (torch.randn(n, n, device=device, dtype=kind) for _ in range(2))
    product = 2 * n**3 / measure_seconds(lambda: a @ b, device, 5)
    flops = counter.get_total_flops()
    return {
        "gflop_a_slice": flops / len(slices) / 1e9,
        "milliseconds_a_slice": 1e3 * seconds / len(slices),
        "tflops": flops / seconds / 1e12,
        "matrix_product_tflops": product / 1e12,
    }


class TimeIsUp(Exception):
    """Raised in a training's report to end it."""


def train_paper(device: str, size: Size) -> dict[str, Any]:
    """Steps of `paper` that fit into the time, and the losses on the way."""
    micrographs, _ = example("fibres")
    options = {"width": 16, "crop": 32, "batch": 2} if size is TOY else {}
    denoiser = catalog().build("denoiser", "unet-ddpm", preset="paper", **options)
    records: list[dict[str, float]] = []
    begun = time.perf_counter()

    def report(record: dict[str, Any]) -> None:
        passed = time.perf_counter() - begun
        records.append({"seconds": passed, "step": record["step"], "loss": record["loss"]})
        if passed > size.paper:
            raise TimeIsUp

    with contextlib.suppress(TimeIsUp):
        denoiser.fit(micrographs, device=device, report=report)
    last = records[-1]
    return {"records": records[-20:], "steps_a_second": last["step"] / last["seconds"]}


def train_bundled(device: str, size: Size, folder: Path | None) -> dict[str, Any]:
    """The shipped networks, trained anew: seconds and held-out loss; weights to a folder."""
    results = {}
    for name in EXAMPLES:
        micrographs, _ = example(name)
        steps = {} if size.bundled is None else {"steps": size.bundled, "volume_steps": 2}
        denoiser = catalog().build("denoiser", "unet-ddpm", preset="tiny", **steps)
        facts = denoiser.fit(micrographs, device=device)
        results[name] = {key: facts[key] for key in ("seconds", "steps", "loss", "held_out")}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            Model(denoiser, facts).save(folder / f"{name}.safetensors")
    return results


@click.command(help=__doc__)
@click.option("--device", type=click.Choice(["cuda", "cpu"]), default="cuda", show_default=True)
@click.option("--toy", is_flag=True, help="Everything at toy size, to try the script.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("gpu.json"), show_default=True)
@click.option("--weights-out", type=click.Path(path_type=Path), help="Folder for trained weights.")
def main(device: str, toy: bool, out: Path, weights_out: Path | None) -> None:
    size = TOY if toy else Size()
    results: dict[str, Any] = {"machine": describe(device)}
    parts: dict[str, Callable[[], Any]] = {
        "solvers": lambda: solve(device, size),
        "sampling": lambda: sample(device, size),
        "paper, a pass": lambda: pass_paper(device, size),
        "paper, training": lambda: train_paper(device, size),
        "bundled, training": lambda: train_bundled(device, size, weights_out),
    }
    for name, part in parts.items():
        begun = time.perf_counter()
        try:
            results[name] = part()
        except Exception as error:  # the time of a borrowed card is short: the others go on
            traceback.print_exc()
            results[name] = {"error": f"{type(error).__name__}: {error}"}
        results[f"{name}, seconds"] = time.perf_counter() - begun
        out.write_text(json.dumps(results, indent=1))
        click.echo(f"{name}: {results[f'{name}, seconds']:.1f} s")
    if any("error" in results[name] for name in parts):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
