"""SliceGAN: a generator of volumes against a critic of slices for each of three planes.

    python studies/peers/slicegan.py train --slices FILE.npz --out FILE.pt --minutes 25 --width 4
    python studies/peers/slicegan.py sample --weights FILE.pt --seed 0 --out FILE.npy

in       FILE.npz with xy, xz, yz: uint8 labels (n, a, b) with a, b >= 64 (slices.py makes it)
out      FILE.pt: networks, optimizers, steps and seconds so far; an existing one is gone on with.
         FILE.npy: uint8 labels (z, y, x). The last line that each command prints is JSON: seconds,
         threads, versions; of sample also those of the training
threads  --threads, 1 unless told

Written anew from Kench & Cooper, Nat. Mach. Intell. 3, 299 (2021) and the settings of their code,
github.com/stke9/SliceGAN (MIT, copyright 2020 Steve Kench). As published: five layers, kernel 4,
stride 2; generator 16-512-256-128-64-K of transposed 3D convolutions, padding 2, 2, 2, 2, 3 (rules
of uniform information density: stride < kernel, kernel divisible by stride, padding >= kernel -
stride), batch normalization and ReLU, softmax; noise of 4^3 makes 64^3. Critics K-64-128-256-512-1
of 2D convolutions. Wasserstein loss with gradient penalty 10, five critic steps to one of the
generator, Adam (0, 0.9), rate 1e-4, crops of 64^2 without turning or mirroring.

What an option makes smaller, published value in brackets:
--width   divides the inner channels (1)
--crops   crops of micrographs a critic sees each step (32)
--fakes   volumes made for a critic's step (8);  --batch  for the generator's (32)
--scored  slices drawn from each plane of these, for each critic (all: 512; of the generator's 2048)
--rate    of Adam (1e-4)
--minutes or --steps of the generator, what comes first (30 epochs of 28800 crops: 5400 steps)
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

PLANES = ("xy", "xz", "yz")
SIDE, LATENT, CHANNELS = 64, 4, 16
"""Side of a crop and of a volume in training; side and channels of its noise."""
PENALTY, CRITIC_STEPS = 10.0, 5
COUNTED = ("steps", "seconds", "cpu_seconds")
"""Of a training, over all its sessions; seconds of the clock and of the processor."""


class Generator(nn.Module):
    """Noise (n, 16, l, l, l) to shares of the phases (n, K, 64, 64, 64) for l = 4."""

    def __init__(self, phases: int, width: int) -> None:
        super().__init__()
        channels = (CHANNELS, *(c // width for c in (512, 256, 128, 64)), phases)
        layers: list[nn.Module] = []
        for k, padding in enumerate((2, 2, 2, 2, 3)):
            layers.append(
                nn.ConvTranspose3d(channels[k], channels[k + 1], 4, 2, padding, bias=False)
            )
            if k < 4:
                layers += [nn.BatchNorm3d(channels[k + 1]), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise: Tensor) -> Tensor:
        """Softmax over the phases."""
        shares: Tensor = self.layers(noise).softmax(1)
        return shares


def critic(phases: int, width: int) -> nn.Sequential:
    """Slices (n, K, 64, 64) to their scores (n, 1, 1, 1)."""
    channels = (phases, *(c // width for c in (64, 128, 256, 512)), 1)
    layers: list[nn.Module] = []
    for k, padding in enumerate((1, 1, 1, 1, 0)):
        layers.append(nn.Conv2d(channels[k], channels[k + 1], 4, 2, padding, bias=False))
        if k < 4:
            layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def slices_of(volumes: Tensor, axis: int, scored: int) -> Tensor:
    """Slices (m, K, a, b) normal to an axis (0 is z); at most `scored`, drawn at random."""
    slices = volumes.movedim(2 + axis, 1).flatten(0, 1)
    if scored and scored < len(slices):
        slices = slices[torch.randperm(len(slices))[:scored]]
    return slices


def gradient_penalty(judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """(|grad| - 1)^2 between real and made slices, mean over pairs."""
    count = min(len(real), len(fake))
    share = torch.rand(count, 1, 1, 1)
    between = (share * real[:count] + (1 - share) * fake[:count]).requires_grad_(True)
    (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
    penalty: Tensor = ((slope.flatten(1).norm(2, 1) - 1) ** 2).mean()
    return penalty


def crops(stack: NDArray[np.uint8], phases: int, count: int, seed: int) -> Iterator[Tensor]:
    """Endless batches (count, K, 64, 64) of indicator functions of random crops."""
    random = np.random.default_rng(seed)
    n, height, width = stack.shape
    while True:
        places = zip(
            random.integers(n, size=count),
            random.integers(height - SIDE + 1, size=count),
            random.integers(width - SIDE + 1, size=count),
            strict=True,
        )
        cut = np.stack([stack[k, i : i + SIDE, j : j + SIDE] for k, i, j in places])
        hot = functional.one_hot(torch.from_numpy(cut).long(), phases)
        yield hot.movedim(-1, 1).float()


class Training:
    """Networks, their optimizers, and what has been done so far."""

    def __init__(self, phases: int, width: int, rate: float) -> None:
        self.generator = Generator(phases, width)
        self.critics = [critic(phases, width) for _ in PLANES]
        networks = [self.generator, *self.critics]
        self.parts: list[Any] = [
            *networks,
            *(torch.optim.Adam(part.parameters(), rate, betas=(0.0, 0.9)) for part in networks),
        ]
        self.steps, self.seconds, self.cpu_seconds, self.distance = 0, 0.0, 0.0, float("nan")

    def critic_steps(self, batches: list[Iterator[Tensor]], fakes: int, scored: int) -> None:
        """One step of every critic, on the same volumes."""
        with torch.no_grad():
            made = self.generator(torch.randn(fakes, CHANNELS, LATENT, LATENT, LATENT))
        distances = []
        for axis, judge in enumerate(self.critics):
            optimizer = self.parts[5 + axis]
            real, fake = next(batches[axis]), slices_of(made, axis, scored)
            distance = judge(real).mean() - judge(fake).mean()
            optimizer.zero_grad()
            (PENALTY * gradient_penalty(judge, real, fake) - distance).backward()
            optimizer.step()
            distances.append(float(distance.detach()))
        self.distance = float(np.mean(distances))

    def generator_step(self, batch: int, scored: int) -> None:
        """One step of the generator against all critics."""
        for judge in self.critics:
            judge.requires_grad_(False)
        made = self.generator(torch.randn(batch, CHANNELS, LATENT, LATENT, LATENT))
        loss = -sum(
            judge(slices_of(made, k, scored)).mean() for k, judge in enumerate(self.critics)
        )
        self.parts[4].zero_grad()
        loss.backward()
        self.parts[4].step()
        for judge in self.critics:
            judge.requires_grad_(True)
        self.steps += 1

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what was saved."""
        for part, saved in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(saved)
        for name in COUNTED:
            setattr(self, name, state[name])

    def save(self, path: Path, settings: dict[str, Any]) -> None:
        """Write all that `load` needs, and the settings."""
        parts = [part.state_dict() for part in self.parts]
        counted = {name: getattr(self, name) for name in COUNTED}
        state = {"parts": parts, **counted, "settings": settings}
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)


def train(asked: argparse.Namespace) -> dict[str, Any]:
    """Train until the minutes or the steps are over; save every minute."""
    stacks = np.load(asked.slices)
    phases = int(max(stacks[plane].max() for plane in PLANES)) + 1
    training = Training(phases, asked.width, asked.rate)
    if asked.out.exists():
        training.load(torch.load(asked.out, weights_only=True))
        torch.manual_seed(asked.seed + training.steps)
    batches = [
        crops(stacks[plane], phases, asked.crops, 3 * (asked.seed + training.steps) + k)
        for k, plane in enumerate(PLANES)
    ]
    names = ("width", "crops", "fakes", "batch", "scored", "rate", "threads", "seed")
    settings = {"phases": phases, **{name: getattr(asked, name) for name in names}}
    last, worked = time.perf_counter(), time.process_time() - training.cpu_seconds
    saved = training.seconds
    while training.seconds < 60 * asked.minutes and training.steps < asked.steps:
        for _ in range(CRITIC_STEPS):
            training.critic_steps(batches, asked.fakes, asked.scored)
        training.generator_step(asked.batch, asked.scored)
        now = time.perf_counter()
        training.seconds, last = training.seconds + now - last, now
        training.cpu_seconds = time.process_time() - worked
        if training.seconds - saved > 60:
            saved = training.seconds
            training.save(asked.out, settings)
            print(f"{training.steps} {training.seconds:.0f} s {training.distance:.4g}", flush=True)
    training.save(asked.out, settings)
    return {**settings, **{name: round(getattr(training, name), 1) for name in COUNTED}}


def sample(asked: argparse.Namespace) -> dict[str, Any]:
    """Make one volume of a trained generator; one latent voxel more makes 32 voxels more."""
    state = torch.load(asked.weights, weights_only=True)
    settings = state["settings"]
    begun, worked = time.perf_counter(), time.process_time()
    generator = Generator(settings["phases"], settings["width"])
    generator.load_state_dict(state["parts"][0])
    latent = [LATENT + max(0, -(-(side - SIDE) // 32)) for side in asked.shape]
    with torch.no_grad():
        made = generator.eval()(torch.randn(1, CHANNELS, *latent))[0].argmax(0)
    labels = made.numpy().astype(np.uint8)[tuple(slice(side) for side in asked.shape)]
    np.save(asked.out, labels)
    return {
        "seconds": round(time.perf_counter() - begun, 2),
        "cpu_seconds": round(time.process_time() - worked, 2),
        "seed": asked.seed,
        "shape": list(labels.shape),
        "fractions": [float((labels == k).mean()) for k in range(settings["phases"])],
        "training": {**settings, **{name: round(state[name], 1) for name in COUNTED}},
    }


def main() -> None:
    """Read what was asked, do it, tell it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    learn, make = commands.add_parser("train"), commands.add_parser("sample")
    for command in (learn, make):
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--out", type=Path, required=True)
        command.add_argument("--threads", type=int, default=1)
    learn.add_argument("--slices", type=Path, required=True)
    learn.add_argument("--minutes", type=float, default=25.0)
    learn.add_argument("--steps", type=int, default=5400)
    learn.add_argument("--rate", type=float, default=1e-4)
    for name, published in {"width": 1, "crops": 32, "fakes": 8, "batch": 32, "scored": 0}.items():
        learn.add_argument(f"--{name}", type=int, default=published)
    make.add_argument("--weights", type=Path, required=True)
    make.add_argument("--shape", type=int, nargs=3, default=(SIDE,) * 3)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    told = train(asked) if asked.command == "train" else sample(asked)
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    print(
        json.dumps({"method": "SliceGAN", "threads": asked.threads, **told, "versions": versions})
    )


if __name__ == "__main__":
    main()
