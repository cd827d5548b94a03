"""Training of the 3D network by what its slices look like.

No 3D image is needed. Composed volumes are noised, the network gives clean ones, and a critic of
each plane compares their slices with windows of the micrographs. Before the critics work, the
network learns to give the composed volumes back. From then on, coarse means, which the noise
leaves known, hold it to them, and means of descriptors hold it to the micrographs. Now and then a
volume of the pool is replaced by what the network makes of it, as the network is to work on its
own results when a volume is made. Whatever is random in step k is a function of (seed, k), so that
an interrupted training goes on as if it had not been.
"""

import copy
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from recon.core.data.encoding import decode, encode
from recon.core.data.planes import NORMAL, PLANES
from recon.core.errors import ReconError
from recon.core.sampling.processes import world
from recon.plugins.denoisers.fitting import checkpoint
from recon.plugins.denoisers.fitting.checkpoint import CHECKPOINT_SECONDS, REPORT_SECONDS
from recon.plugins.denoisers.fitting.crops import Crops
from recon.plugins.denoisers.fitting.precision import fast_bfloat16
from recon.plugins.denoisers.volume.critics import blur, build_critic, judge_loss
from recon.plugins.denoisers.volume.held_means import HeldMeans
from recon.plugins.denoisers.volume.network import VolumeUNet

PART = "3D network"
"""Names this part of a training in checkpoints and reports."""
NOISE_RANGE = (0.65, 65.0)
"""Noise-to-signal ratios at which shape is decided, and the network takes the slices' place."""
DECIDING = 6.0, 0.6
"""Noise above which long features are decided, and the share of steps that draw theirs there."""
RATE = 5e-4
DECAY = 0.6, 0.1
"""Share of the steps after which the rate falls, linearly, and what is left of it at the end."""
BETAS = (0.0, 0.95)
EMA = 0.997
CLIP = 5.0
WARM = 0.08
"""Share of the steps before the critics work."""
SLICES = 12
"""Slices of each plane that a critic sees in a step."""
BLOCK = 14
"""Voxels along the side of the blocks whose means are held."""
HOLD_BLOCKS, HOLD_FRACTION = 50.0, 200.0
HOLD_BELOW = 8.0
"""Noise-to-signal ratio at which half of that is left: above, the means are not known."""
RENEWED, RESTARTED = 0.1, 0.015
"""Chances a step that a volume of the pool is replaced by the network's, or by the composed one."""


@attrs.frozen(eq=False)
class Task:
    """Volumes to begin from and windows to look like.

    pool   (n, side, side, side) labels;  crops  of the micrographs
    """

    pool: NDArray[np.uint8]
    crops: Crops
    phases: int


class State(nn.Module):
    """All that changes in a training: the network, its critics, held means, and the pool.

    composed  the pool as it was composed of slices
    """

    pool: Tensor
    composed: Tensor

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.volume = VolumeUNet(task.phases).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.critics = nn.ModuleDict({p: build_critic(task.phases) for p in PLANES})
        self.means = HeldMeans(task.crops, task.phases)
        for name in ("pool", "composed"):
            self.register_buffer(name, torch.as_tensor(task.pool).clone())


class VolumeTraining:
    """A 3D network and its critics on their way through the steps."""

    def __init__(self, task: Task, steps: int, seed: int, device: str) -> None:
        self.task, self.steps, self.seed = task, steps, seed
        self.device = torch.device(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = State(task).to(self.device)
        self.volume, self.critics = self.network.volume, self.network.critics
        self.average = copy.deepcopy(self.volume).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.network.parameters(), RATE, betas=BETAS)
        self.step = 0
        self.loss = 0.0

    def advance(self) -> None:
        """One step: of the critics, then of the network."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.step / self.steps)
        rng = np.random.default_rng([self.seed, self.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        start, held = self._draw_crop(rng)
        s2 = draw_noise_level(rng)
        made = self._run(self.volume, start, s2, generator)
        if self.step < WARM * self.steps:
            loss = F.mse_loss(made, start)
        else:
            self._teach_critics(made.detach(), rng, generator)
            loss = self._score(made, rng, generator) + hold(made, held) / (1 + s2 / HOLD_BELOW)
            loss = loss + self.network.means.update(made, self.step)
        self._descend(loss, self.volume)
        decay = min(EMA, (1 + self.step) / (10 + self.step))
        follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        follow(list(self.average.parameters()), list(self.volume.parameters()), self.step)
        if self.step >= 2 * WARM * self.steps:
            self._renew_pool(rng, generator)
        self.loss += max(0.01, 1 / (self.step + 1)) * (float(loss.detach()) - self.loss)
        self.step += 1

    def _draw_crop(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A crop (1, C, n, n, n) of a volume of the pool, and the same of the composed one."""
        pools = (self.network.pool, self.network.composed)
        number = int(rng.integers(len(pools[0])))
        side, whole = self.task.crops.side, pools[0].shape[-1]
        z, y, x = (slice(low, low + side) for low in rng.integers(whole - side + 1, size=3))
        first, second = (encode(p[number, z, y, x], self.task.phases) for p in pools)
        return first[None].to(self.device), second[None].to(self.device)

    def _run(
        self, network: nn.Module, volume: Tensor, s2: float, generator: torch.Generator
    ) -> Tensor:
        """What a network makes of a volume (1, C, Z, Y, X) at a noise-to-signal ratio."""
        noise = torch.randn(volume.shape, generator=generator).to(self.device)
        noisy = volume + math.sqrt(s2) * noise
        noisy = noisy.contiguous(memory_format=torch.channels_last_3d)
        with self._precision():
            made: Tensor = network(noisy, torch.tensor([s2], device=self.device))
        return made

    def _teach_critics(
        self, made: Tensor, rng: np.random.Generator, generator: torch.Generator
    ) -> None:
        """One step of the critics on slices of a volume and windows of the micrographs."""
        total = torch.zeros((), device=self.device)
        for plane, critic in self.critics.items():
            windows = self.task.crops.draw_of_plane(plane, SLICES, rng)
            real = encode(torch.as_tensor(windows), self.task.phases).movedim(0, 1)
            sides = (real.to(self.device), take_slices(made, plane, rng))
            with self._precision():
                scores = [critic(blur(side, generator)).float() for side in sides]
            total = total + judge_loss(*scores)
        self._descend(total, self.critics)

    def _score(self, made: Tensor, rng: np.random.Generator, generator: torch.Generator) -> Tensor:
        """How unreal the critics find the slices of a volume."""
        self.critics.requires_grad_(False)
        total = torch.zeros((), device=self.device)
        for plane, critic in self.critics.items():
            with self._precision():
                scores = critic(blur(take_slices(made, plane, rng), generator))
            total = total - scores.float().mean()
        self.critics.requires_grad_(True)
        return total

    def _descend(self, loss: Tensor, network: nn.Module) -> None:
        """One step of the optimizer on the parameters of a network."""
        if not math.isfinite(float(loss.detach())):
            raise ReconError(
                f"training of the 3D network diverged at step {self.step + 1} of {self.steps}: the "
                f"loss is {float(loss.detach())}; train with another seed, or volume_steps=0"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        self.optimizer.step()

    def _renew_pool(self, rng: np.random.Generator, generator: torch.Generator) -> None:
        """Replace a volume of the pool, by chance."""
        pool = self.network.pool
        chance, number = rng.random(), int(rng.integers(len(pool)))
        if chance < RESTARTED:
            pool[number] = self.network.composed[number]
        elif chance < RESTARTED + RENEWED:
            volume = encode(pool[number], self.task.phases)[None]
            with torch.no_grad():
                made = self._run(self.average, volume, draw_noise_level(rng), generator)
            pool[number] = decode(made[0])

    def _precision(self) -> AbstractContextManager[Any]:
        if fast_bfloat16(self.device):
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()


def rate_at(done: float) -> float:
    """Learning rate after a share of the steps."""
    start, end = DECAY
    return RATE * (1 - (1 - end) * max(0.0, done - start) / (1 - start))


def draw_noise_level(rng: np.random.Generator) -> float:
    """A noise-to-signal ratio of the range, even in its logarithm but for more of high ones."""
    low, high = NOISE_RANGE
    middle, share = DECIDING
    if rng.random() < share:
        low = middle
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def take_slices(volume: Tensor, plane: str, rng: np.random.Generator) -> Tensor:
    """Random slices (SLICES, C, a, b) of a volume (1, C, Z, Y, X)."""
    axis = 2 + NORMAL[plane]
    side = volume.shape[axis]
    places = rng.choice(side, min(SLICES, side), replace=False)
    index = torch.as_tensor(places, device=volume.device)
    return volume[0].index_select(axis - 1, index).movedim(axis - 1, 0)


def hold(made: Tensor, composed: Tensor) -> Tensor:
    """Penalty on means of blocks and fractions that leave those of the composed volume."""
    block = min(BLOCK, *made.shape[2:])
    apart = made - composed
    blocks = F.avg_pool3d(apart, block, block).square().mean()
    return HOLD_BLOCKS * blocks + HOLD_FRACTION * apart.mean((2, 3, 4)).square().mean()


@attrs.frozen(eq=False)
class Slices:
    """The 2D network and the record of its training.

    A checkpoint takes the place of theirs, so it holds both, and they are read from it.
    """

    network: nn.Module
    record: dict[str, Any]


def run(
    training: VolumeTraining,
    slices: Slices,
    identity: dict[str, Any],
    path: Path | None,
    report: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Train to the end; returns the record of the 2D training, with volume_seconds.

    path  checkpoint: continued from if it is there, and written from time to time and at the end;
          of several processes all read it and the first writes it
    """
    kept = nn.ModuleDict({"slices": slices.network, "volume": training.average})
    before = slices.record
    network, optimizer = training.network, training.optimizer
    spent = 0.0
    if path is not None and checkpoint.read_part(path) == PART:
        record = checkpoint.load(path, identity, network, kept, optimizer)
        training.step, training.loss, before = record["step"], record["loss"], record["before"]
        spent = float(record["seconds"])
    if not world().first:
        path = None
    start, first = time.monotonic(), training.step
    saved, reported = start, -math.inf
    while training.step < training.steps:
        training.advance()
        done, now = training.step, time.monotonic()
        record = {"part": PART, "step": done, "steps": training.steps, "loss": training.loss}
        last = done == training.steps
        if path is not None and (last or now - saved >= CHECKPOINT_SECONDS):
            state = record | {"seconds": spent + now - start, "before": before}
            checkpoint.save(path, identity, state, network, kept, optimizer)
            saved = now
        if last or now - reported >= REPORT_SECONDS:
            left = (training.steps - done) * (now - start) / (done - first)
            report(record | {"seconds_left": left})
            reported = now
    return before | {"volume_seconds": spent + time.monotonic() - start}
