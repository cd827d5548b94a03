"""The training loop: AdamW with an average of the weights, resumable at any step.

Whatever is random in step k is a function of (seed, k), so a training that was interrupted goes
on as if it had not been. Several processes each draw the whole batch and take their own rows, so
they learn what one process would, to rounding.
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
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import get_ema_multi_avg_fn

from recon.core.data.encoding import count_channels, encode
from recon.core.data.finite import find_nonfinite
from recon.core.errors import ReconError
from recon.core.sampling.processes import world
from recon.plugins.denoisers.fitting import checkpoint
from recon.plugins.denoisers.fitting.checkpoint import CHECKPOINT_SECONDS, REPORT_SECONDS
from recon.plugins.denoisers.fitting.crops import Batch, Crops
from recon.plugins.denoisers.predictions import Prediction

JUDGED = 25
"""How many times the held-out loss is taken in a training."""
NO_PLANE = 3


@attrs.frozen
class Settings:
    """Settings of a training.

    rate       highest learning rate; with decay "cosine" after a warm-up of 3 % of the steps
    ema        decay of the average of the weights, less in the first steps
    dropout    share of crops whose plane is hidden from the network
    clip       largest norm of the gradient
    bfloat16   compute in bfloat16 where that is safe; compile  with torch.compile
    """

    steps: int
    batch: int
    rate: float
    decay: str
    ema: float
    weight_decay: float
    dropout: float
    clip: float
    bfloat16: bool
    compile: bool

    def rate_at(self, step: int) -> float:
        """Learning rate of step 0..steps-1."""
        if self.decay == "constant":
            return self.rate
        warm = max(1, round(0.03 * self.steps))
        if step < warm:
            return self.rate * (step + 1) / warm
        along = (step - warm) / max(1, self.steps - warm)
        return self.rate * 0.5 * (1 + math.cos(math.pi * along))


@attrs.frozen(eq=False)
class Task:
    """What is learnt: slices at the noise levels of a schedule, and how the network says it."""

    crops: Crops
    held_out: Batch | None
    phases: int
    alpha_bar: NDArray[np.float64]
    prediction: Prediction

    def loss(
        self,
        network: Callable[..., Tensor],
        batch: Batch,
        t: Tensor,
        eps: Tensor,
        hidden: Tensor,
        rows: slice = slice(None),
    ) -> Tensor:
        """What the rows add to the batch's mean loss of the scored pixels.

        t (n,) noise levels, eps (n, C, a, b) on the network's device, hidden (n,) planes not
        shown: those of the rows alone
        """
        device = eps.device
        ab = torch.as_tensor(self.alpha_bar)[t]
        log_snr = torch.log(ab / (1 - ab)).float().to(device)
        ab = ab.float().to(device)[:, None, None, None]
        plane = torch.as_tensor(batch.plane[rows]).masked_fill(hidden, NO_PLANE).to(device)
        x0 = encode(torch.as_tensor(batch.labels[rows]).to(device), self.phases).movedim(0, 1)
        x = ab.sqrt() * x0 + (1 - ab).sqrt() * eps
        pixels = self.prediction.loss(network(x, log_snr, plane).float(), x0, eps, ab)
        scored = torch.as_tensor(batch.scored[rows]).to(device)
        return (pixels * scored).sum() / int(batch.scored.sum())


class Training:
    """A network on its way through the steps of a training, on each process of the job alike."""

    def __init__(
        self, task: Task, settings: Settings, network: nn.Module, seed: int, device: str
    ) -> None:
        self.task, self.settings, self.seed = task, settings, seed
        self.device = torch.device(device)
        self.network = network.to(self.device)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.step = 0
        self.kept: int | None = None
        """Step of the checkpoint on disk."""
        self.loss = 0.0
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=settings.rate,
            weight_decay=settings.weight_decay,
            fused=self.device.type in ("cpu", "cuda"),
        )
        self._processes = world()
        called = self._shared() if self._processes.size > 1 else self.network
        self._called = torch.compile(called) if settings.compile else called

    def advance(self) -> None:
        """One step of the optimizer."""
        settings, k = self.settings, self.step
        for group in self.optimizer.param_groups:
            group["lr"] = settings.rate_at(k)
        self.network.train()
        with self._precision():
            loss = self._loss_of_step(k)
        value = float(self._processes.all_reduce_sum(loss.detach()))
        if not math.isfinite(value):
            raise self.diverged(f"the loss is {value}")
        self.optimizer.zero_grad(set_to_none=True)
        # The gradients of the processes are averaged, and the loss is the sum of their parts.
        (loss * self._processes.size).backward()  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip))
        if not math.isfinite(norm):
            raise self.diverged(f"the gradient is {norm}")
        self.optimizer.step()
        decay = min(settings.ema, (1 + k) / (10 + k))
        follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        follow(list(self.average.parameters()), list(self.network.parameters()), k)
        self.loss += max(0.01, 1 / (k + 1)) * (value - self.loss)
        self.step = k + 1

    def diverged(self, what: str) -> ReconError:
        """The error for a training in which something is infinite or not a number."""
        kept = "" if self.kept is None else f"; the checkpoint of step {self.kept} is kept"
        return ReconError(
            f"training diverged at step {self.step + 1} of {self.settings.steps}, learning rate "
            f"{self.settings.rate_at(self.step):g}: {what}; begin anew with denoiser.rate below "
            f"{self.settings.rate:g}{kept}"
        )

    def held_out_loss(self) -> float | None:
        """Loss of the average on the windows kept back, at fixed noise."""
        batch = self.task.held_out
        if batch is None:
            return None
        rng, generator = _sources(self.seed, "held out", 0)
        count = len(batch.labels)
        eps = self._normal(batch, generator)
        levels = len(self.task.alpha_bar)
        t = torch.as_tensor(((np.arange(count) + 0.5) / count * levels).astype(int))
        t = t[torch.as_tensor(rng.permutation(count))]
        self.average.eval()
        with torch.no_grad(), self._precision():
            hidden = torch.zeros(count, dtype=torch.bool)
            value = float(self.task.loss(self.average, batch, t, eps, hidden))
        if not math.isfinite(value):
            raise self.diverged(f"the held-out loss is {value}")
        return value

    def save(self, path: Path, identity: dict[str, Any], seconds: float) -> None:
        """Write the checkpoint, which does not tell how many processes there were.

        Raises ReconError, and leaves the one before, for weights that are of no use any more.
        """
        for network in (self.network, self.average):
            if name := find_nonfinite(dict(network.named_parameters())):
                raise self.diverged(f"weight {name} is no longer finite")
        record = {"step": self.step, "loss": self.loss, "seconds": seconds}
        checkpoint.save(path, identity, record, self.network, self.average, self.optimizer)
        self.kept = self.step

    def load(self, path: Path, identity: dict[str, Any]) -> float:
        """Continue from a checkpoint; returns the seconds spent until it."""
        record = checkpoint.load(path, identity, self.network, self.average, self.optimizer)
        self.step = self.kept = record["step"]
        self.loss = record["loss"]
        return float(record["seconds"])

    def _shared(self) -> nn.Module:
        """The network with gradients that are averaged over the processes."""
        size, batch = self._processes.size, self.settings.batch
        if batch < size:
            raise ReconError(
                f"denoiser.batch must be at least the number of processes, {size}, got {batch}; "
                "take a larger batch or fewer processes"
            )
        return DistributedDataParallel(self.network, gradient_as_bucket_view=True)

    def _loss_of_step(self, k: int) -> Tensor:
        """This process's part of the loss of step k."""
        rng, generator = _sources(self.seed, "step", k)
        batch = self.task.crops.draw(self.settings.batch, rng)
        t = torch.as_tensor(rng.integers(len(self.task.alpha_bar), size=self.settings.batch))
        hidden = torch.as_tensor(rng.random(self.settings.batch) < self.settings.dropout)
        rows = self._processes.rows(self.settings.batch)
        eps = self._normal(batch, generator, rows)
        return self.task.loss(self._called, batch, t[rows], eps, hidden[rows], rows)

    def _normal(
        self, batch: Batch, generator: torch.Generator, rows: slice = slice(None)
    ) -> Tensor:
        n, a, b = batch.labels.shape
        shape = (n, count_channels(self.task.phases), a, b)
        return torch.randn(shape, generator=generator)[rows].to(self.device)

    def _precision(self) -> AbstractContextManager[Any]:
        if self.settings.bfloat16:
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()


def run(
    training: Training,
    identity: dict[str, Any],
    path: Path | None,
    report: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Train to the end; returns step, steps, loss, held_out and seconds.

    path  checkpoint: continued from if there, written from time to time and at the end; of
          several processes all read it and the first writes it
    """
    steps = training.settings.steps
    before = training.load(path, identity) if path is not None and path.exists() else 0.0
    processes = world()
    processes.agree({**identity, "step": training.step})
    if not processes.first:  # it reads the checkpoint and leaves the writing to the first
        path = None
    start, first = time.monotonic(), training.step
    saved, reported = start, -math.inf
    record = {"step": first, "steps": steps, "loss": training.loss, "held_out": None}
    while training.step < steps:
        training.advance()
        done, now = training.step, time.monotonic()
        record |= {"step": done, "loss": training.loss}
        if done == steps or done % max(1, steps // JUDGED) == 0:
            record["held_out"] = training.held_out_loss()
        if path is not None and (done == steps or now - saved >= CHECKPOINT_SECONDS):
            training.save(path, identity, before + now - start)
            saved = now
        if done == steps or now - reported >= REPORT_SECONDS:
            left = (steps - done) * (now - start) / (done - first)
            report(record | {"seconds_left": left})
            reported = now
    if record["held_out"] is None:
        record["held_out"] = training.held_out_loss()
    return record | {"seconds": before + time.monotonic() - start}


def _sources(seed: int, what: str, step: int) -> tuple[np.random.Generator, torch.Generator]:
    """Random numbers of one step: a function of the seed, the purpose and the step alone."""
    sequence = np.random.SeedSequence([seed, *what.encode(), step])
    words = sequence.generate_state(1, np.uint64)
    generator = torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
    return np.random.default_rng(sequence), generator
