"""What it costs to look for NaN and infinity: seconds of the checks beside those of a step."""

import time
from collections.abc import Callable
from typing import Any

import attrs
import click
import torch

from recon.core import Recipe
from recon.core.data.finite import count_nonfinite
from recon.core.estimate import check_estimate, estimate_unchecked
from recon.core.job import resolve
from recon.core.sampling.noise import respace


def least(work: Callable[[], Any], times: int) -> float:
    """Seconds of the quickest of some calls: what others do on the machine is left out."""
    each = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        each.append(time.perf_counter() - begin)
    return min(each)


@click.command()
@click.option("--side", default=64, show_default=True, help="Voxels along an axis.")
@click.option("--weights", default="porous", show_default=True)
@click.option("--threads", default=2, show_default=True)
def main(side: int, weights: str, threads: int) -> None:
    """Print seconds of a network pass, of the check of its estimate, and the share."""
    torch.set_num_threads(threads)
    recipe = Recipe(shape=(side,) * 3, weights=weights)
    denoiser = resolve(recipe).denoiser
    channels = len(denoiser.material.phases) if denoiser.material else 2
    x = torch.randn(1 if channels == 2 else channels, *recipe.shape)
    step = attrs.evolve(respace(denoiser.alpha_bar, 60)[30], planes=("xz",))
    with torch.inference_mode():
        work = least(lambda: estimate_unchecked(denoiser, step, (0, 0, 0), 64, x), 5)
        check = least(lambda: check_estimate(count_nonfinite(x), x.numel(), denoiser, step, 0), 50)
    click.echo(f"network pass {work:.4f} s, check {check:.6f} s, share {100 * check / work:.3f} %")


if __name__ == "__main__":
    main()
