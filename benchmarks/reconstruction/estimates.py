"""How well do estimates of slices denoise a real volume, at each noise?

    python benchmarks/reconstruction/estimates.py --material NAME [--data DIR] [--weights FILE]

Mean squared error over the voxels of one piece of 64^3 that was not trained on, encoded as -1 and
1: of one plane (mean over the three), of one plane filtered as `spectral` does, of the mean of the
three planes, and of the Wiener filter that knows the spectrum of the volume alone.
"""

from pathlib import Path

import click
import numpy as np
import torch
from materials import NAMES, material

from recon.core import Recipe
from recon.core.data.encoding import encode
from recon.core.data.planes import PLANES
from recon.core.estimate import estimate
from recon.core.job import resolve
from recon.core.sampling.philox import START, draw_normal
from recon.core.sampling.scene import Scene
from recon.core.sampling.step import Step
from recon.plugins.harmonizers.spectrum import Spectrum

SIDE = 64
LEVELS = (64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.1)


@click.command(help=__doc__)
@click.option("--material", "name", type=click.Choice(NAMES), required=True)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the real tomograms.")
@click.option("--weights", help="Trained weights; bundled ones when not given.")
def main(name: str, data: Path | None, weights: str | None) -> None:
    what = material(name, data)
    denoiser = resolve(Recipe(weights=weights or what.weights)).denoiser
    statistics = denoiser.statistics
    assert statistics is not None
    labels = what.test.labels[-SIDE:, -SIDE:, -SIDE:]
    clean = encode(torch.as_tensor(np.array(labels)), len(what.test.phases)).float()
    shape = (clean.shape[0], *labels.shape)
    z = draw_normal(0, START, 0, shape)
    mean = torch.as_tensor(statistics.mean).float().view(-1, 1, 1, 1)
    scene = Scene(shape, (False, False, False), 0.5, statistics)
    spectrum = Spectrum.of(statistics.covariance, scene, 0.01, 0.01)
    alpha_bar = denoiser.alpha_bar
    noise = (1 - alpha_bar) / alpha_bar

    def error(guess: torch.Tensor) -> float:
        return float((guess.clamp(-1, 1) - clean).square().mean())

    click.echo(f"{name}: noise-to-signal ratio, one plane, filtered, mean of planes, Wiener filter")
    with torch.inference_mode():
        for level in LEVELS:
            t = int(np.abs(noise - level).argmin())
            s2 = float(noise[t])
            u = clean + s2**0.5 * z
            x = float(alpha_bar[t]) ** 0.5 * u
            plain, filtered = [], []
            for plane in PLANES:
                step = Step(1, 10, t, float(alpha_bar[t]), 1.0, (plane,))
                guess = estimate(denoiser, step, (0, 0, 0), SIDE, x)
                plain.append(guess)
                gain = spectrum.wiener_gain(s2, (plane,), 1.0)
                filtered.append(error(u - spectrum.filter(u - guess, gain)))
            wiener = mean + spectrum.multiply_waves(
                u - mean, lambda p3, low, high, s2=s2: p3 / (p3 + s2)
            )
            one = np.mean([error(guess) for guess in plain])
            both = error(torch.stack(plain).mean(0))
            click.echo(
                f"{s2:6.2f}  {one:.4f}  {np.mean(filtered):.4f}  {both:.4f}  {error(wiener):.4f}"
            )


if __name__ == "__main__":
    main()
