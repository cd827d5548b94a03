"""Conditional diffusion model of slices: the 2D model of Lee & Yun 2023, and smaller ones."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, cast

import attrs
import numpy as np
import torch
from torch import Tensor

from recon.core.data.encoding import count_channels
from recon.core.data.material import Material
from recon.core.data.micrographs import Micrographs
from recon.core.data.planes import PLANES
from recon.core.errors import ReconError, shown
from recon.core.kinds import Denoiser
from recon.core.kinds.denoiser import StepCost
from recon.core.options import option, options, rule, values
from recon.core.sampling.noise import ALPHA_BAR
from recon.core.sampling.processes import world
from recon.core.sampling.step import Step
from recon.plugins.denoisers import training
from recon.plugins.denoisers.architecture import PRESETS as ARCHITECTURES
from recon.plugins.denoisers.architecture import Architecture
from recon.plugins.denoisers.fitting import checkpoint as checkpoints
from recon.plugins.denoisers.fitting.crops import Crops, crop_side, hold_out
from recon.plugins.denoisers.fitting.precision import fast_bfloat16
from recon.plugins.denoisers.fitting.timing import time_calls
from recon.plugins.denoisers.microbatch import in_microbatches
from recon.plugins.denoisers.predictions import PREDICTIONS
from recon.plugins.denoisers.tilt import tilted
from recon.plugins.denoisers.unet import UNet
from recon.plugins.denoisers.volume import training as volume_training
from recon.plugins.denoisers.volume.apply import VolumeEstimate
from recon.plugins.denoisers.volume.fit import Fit
from recon.plugins.denoisers.volume.model import VolumeModel
from recon.plugins.denoisers.volume.thinning import thin

TRAININGS: dict[str, dict[str, Any]] = {
    "tiny": {
        "noise": "linear-2e-2",
        "prediction": "phases",
        "steps": 5000,
        "volume_steps": 7000,
        "batch": 32,
        "crop": 32,
        "rate": 2e-3,
        "decay": "cosine",
        "ema": 0.999,
        "weight_decay": 0.01,
    },
    "small": {
        "noise": "linear-2e-2",
        "prediction": "phases",
        "steps": 6000,
        "volume_steps": 7000,
        "batch": 8,
        "crop": 64,
        "rate": 1e-3,
        "decay": "cosine",
        "ema": 0.999,
        "weight_decay": 0.01,
    },
    "paper": {
        "noise": "paper",
        "prediction": "noise",
        "steps": 60000,
        "volume_steps": 10000,
        "batch": 32,
        "crop": 64,
        "rate": 1e-4,
        "decay": "constant",
        "ema": 0.999,
        "weight_decay": 0.0,
    },
}
"""What an option that was not given is, beside the numbers of the architecture."""
HELD_OUT = 96
MAX_LEVELS = 8
FEWEST_VOLUME_STEPS = 400
VOLUME = "volume."
"""Before the names of the 3D network's tensors."""
NOTHING_LEARNT = "denoiser unet-ddpm has no weights; train it or give weights="


def _of_preset(help: str, **limits: Any) -> Any:
    return option(None, f"{help}; of the preset when not given.", trained=True, **limits)


def _choice_of_preset(help: str, *choices: str) -> Any:
    help = f"{help}; auto: of the preset."
    return option("auto", help, choices=("auto", *choices), trained=True)


@attrs.define(eq=False)
class UnetDdpm(Denoiser):
    """Conditional U-Net trained as a denoising diffusion model on slices of all planes.

    Options left open are those of the preset; an instance holds the resolved values.

    Lee & Yun 2023, Table 1; Ho & Salimans 2022 (guidance).
    """

    name: ClassVar[str] = "unet-ddpm"
    weights_package: ClassVar[str | None] = "recon.plugins.denoisers.weights"
    distributed: ClassVar[bool] = True
    preset: str = option(
        "tiny",
        "Size and training: tiny 60 minutes, small 100 minutes of one CPU core; paper needs a GPU.",
        choices=tuple(TRAININGS),
        trained=True,
    )
    noise: str = _choice_of_preset("Noise schedule", *ALPHA_BAR)
    prediction: str = _choice_of_preset("What the network predicts", *PREDICTIONS)
    width: int | None = _of_preset("Channels of the first level, a multiple of 8", min=8, max=4096)
    multiples: tuple[int, ...] | None = _of_preset(
        "Channels of each level over width", min=1, max=64
    )
    blocks: int | None = _of_preset("Residual blocks a level", min=1, max=64)
    attention: tuple[bool, ...] | None = _of_preset("Whether each level has attention")
    heads: int | None = _of_preset("Attention heads", min=1, max=256)
    patch: int | None = _of_preset(
        "Side of the pixel blocks that the network works on", min=1, max=64
    )
    steps: int | None = _of_preset("Training steps", min=1)
    volume_steps: int | None = option(
        None,
        "Training steps of the 3D network, 0 for none; those of the preset in proportion to steps "
        "when not given, and none where that is less than 400.",
        min=0,
        trained=True,
    )
    batch: int | None = _of_preset("Crops in a training step", min=1)
    crop: int | None = _of_preset("Side of the training crops in pixels", min=4)
    rate: float | None = _of_preset("Learning rate", min=0)
    decay: str = _choice_of_preset("Course of the learning rate", "constant", "cosine")
    ema: float | None = _of_preset("Decay of the average of the weights", min=0, max=1)
    weight_decay: float | None = _of_preset("Weight decay of AdamW", min=0)
    clip: float = option(1.0, "Largest norm of the gradient.", min=0, trained=True)
    dropout: float = option(
        0.1, "Share of crops whose plane is hidden, for guidance.", min=0, max=1, trained=True
    )
    flips: str = option(
        "auto",
        "Mirror training crops along each axis; auto: not on planes with a tilted texture.",
        choices=("auto", "on", "off"),
        trained=True,
    )
    guidance: float = option(
        1.0, "Weight of the plane in the estimate (Eq. 9); 1 is one network pass, not two.", min=0
    )
    precision: str = option(
        "auto",
        "Arithmetic; auto: bfloat16 on a GPU and on a CPU with instructions for it, but float32 in "
        "training on a CPU and for noise prediction.",
        choices=("auto", "float32", "bfloat16"),
    )
    batch_slices: int = option(32, "Slices in a network pass.", min=1)
    compile: str = option(
        "auto", "torch.compile on a GPU; auto: in training.", choices=("auto", "on", "off")
    )
    volume: bool = option(True, "Use the 3D network, if the weights hold one.")
    volume_passes: int = option(
        6, "Maximum number of passes of the 3D network; it was trained for about as many.", min=1
    )
    _weights: dict[str, Tensor] | None = attrs.field(default=None, init=False, repr=False)
    _volume: VolumeModel | None = attrs.field(default=None, init=False, repr=False)
    _network: Callable[..., Tensor] | None = attrs.field(default=None, init=False, repr=False)
    _device: torch.device = attrs.field(default=torch.device("cpu"), init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        size = attrs.asdict(ARCHITECTURES[self.preset])
        given = TRAININGS[self.preset]
        if self.volume_steps is None:
            share = 1.0 if self.steps is None else self.steps / given["steps"]
            wanted = round(share * given["volume_steps"])
            self.volume_steps = wanted if wanted >= FEWEST_VOLUME_STEPS else 0
        for name, value in (size | given).items():
            if name in options(type(self)) and getattr(self, name) in (None, "auto"):
                setattr(self, name, value)
        self.architecture  # noqa: B018  an impossible one is refused before anything is read

    @property
    def architecture(self) -> Architecture:
        """Size of the network."""
        given = {name: getattr(self, name) for name in ("width", "multiples", "blocks")}
        given |= {name: getattr(self, name) for name in ("attention", "heads", "patch")}
        size = attrs.evolve(ARCHITECTURES[self.preset], **given)
        if not 1 <= len(size.multiples) <= MAX_LEVELS:
            raise ReconError(
                f"denoiser unet-ddpm: multiples must be 1 to {MAX_LEVELS} levels, got "
                f"{len(size.multiples)}"
            )
        if len(size.attention) != len(size.multiples):
            raise ReconError(
                f"denoiser unet-ddpm: attention must have one item per level, got "
                f"{len(size.attention)} for {len(size.multiples)} multiples"
            )
        if size.width % size.groups:
            raise ReconError(
                f"denoiser unet-ddpm: width must be a multiple of {size.groups}, got {size.width}"
            )
        return size

    def fit(
        self,
        micrographs: Micrographs,
        *,
        seed: int = 0,
        device: str = "cpu",
        checkpoint: Path | None = None,
        init: dict[str, Tensor] | None = None,
        report: Callable[[dict[str, Any]], None] = lambda record: None,
    ) -> dict[str, Any]:
        """Train on crops of the micrographs.

        report    gets step, steps, loss, held_out (None: not yet or nothing kept back) and
                  seconds_left, twice a second at most
        returns   seed, steps, seconds, device, processes, torch, loss, held_out, parameters,
                  slices and crop, and the planes that were flipped
        """
        material = Material.of(micrographs)
        task = self._task(micrographs, seed)
        network = self._new_network(len(material.phases), seed)
        if init is not None:
            slices, _ = _split(init)
            _check_fit(network, slices, "weights to start from")
            network.load_state_dict(slices)
        identity = {
            "seed": seed,
            "options": checkpoints.digest_of_options(self._trained()),
            "micrographs": checkpoints.digest_of_micrographs(micrographs),
            "init": checkpoints.digest_of_tensors(init or {}),
        }
        loop = training.Training(task, self._settings(device), network, seed, device)
        volume_steps = cast(int, self.volume_steps)
        volume = Fit(micrographs, task.crops.flipped, volume_steps, seed, device)
        self.material = material
        record: dict[str, Any] = {}
        if checkpoints.read_part(checkpoint) != volume_training.PART:
            record = training.run(loop, identity, checkpoint, report)
            self.restore(loop.average.state_dict(), device)
        if volume.steps and volume.possible:
            finished = volume_training.Slices(loop.average, record)
            tensors, record = volume.run(self, finished, identity, checkpoint, report)
            named = {VOLUME + name: tensor for name, tensor in tensors.items()}
            self.restore(loop.average.state_dict() | named, device)
        return {
            "seed": seed,
            "steps": record["step"],
            "loss": record["loss"],
            "held_out": record["held_out"],
            "seconds": round(record["seconds"], 1),
            "volume_seconds": round(record.get("volume_seconds", 0.0), 1),
            "device": torch.device(device).type,
            "processes": world().size,
            "torch": torch.__version__,
            "parameters": sum(p.numel() for p in network.parameters()),
            "crop": task.crops.side,
            "slices": {plane: len(stack) for plane, stack in micrographs.planes.items()},
            "flipped": sorted(task.crops.flipped),
        }

    def time_steps(self, micrographs: Micrographs, device: str) -> dict[str, StepCost]:
        """Measured by a few steps of each part."""
        task, phases = self._task(micrographs, 0), len(micrographs.phases)
        network = self._new_network(phases, 0)
        loop = training.Training(task, self._settings(device), network, 0, device)
        each = time_calls(loop.advance)
        costs = {"steps": StepCost(0.0, each)}
        volume = Fit(micrographs, task.crops.flipped, 1, 0, device)
        if volume.possible:
            costs["volume_steps"] = volume.time_steps(network)
        return costs

    def tensors(self) -> dict[str, Tensor]:
        """The averaged weights on the CPU: float32, and of the 3D network bfloat16."""
        if self._weights is None:
            raise ReconError(NOTHING_LEARNT)
        volume = self._volume.weights if self._volume is not None else {}
        return self._weights | {VOLUME + name: tensor for name, tensor in volume.items()}

    def restore(self, tensors: dict[str, Tensor], device: str) -> None:
        """Take weights; ReconError when they are of another architecture."""
        phases = len(self._known().phases)
        slices, volume = _split(tensors)
        with torch.device("meta"):  # takes no memory, whatever size a damaged file claims
            _check_fit(self._new_network(phases, seed=0), slices, "weights")
        network = self._new_network(phases, seed=0)
        network.load_state_dict(slices)
        self._weights = {n: t.detach().cpu().clone() for n, t in network.state_dict().items()}
        self._device = torch.device(device)
        network = network.to(self._device, self._dtype()).eval().requires_grad_(False)
        if self._device.type == "cpu" and self._dtype() is torch.float32:
            # Up to a fourth faster. torch's stubs lack the argument.
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        on = self.compile == "on" and self._device.type == "cuda"
        self._network = torch.compile(network) if on else network
        self._volume = (
            VolumeModel.restore(volume, phases, self._device, self._dtype()) if volume else None
        )

    def choose_steps(self, steps: list[Step]) -> list[Step]:
        """Fewer of those in which the 3D network works."""
        seen = [index for index, step in enumerate(steps) if self.sees_volume(step)]
        return thin(steps, seen, self.volume_passes)

    def sees_volume(self, step: Step) -> bool:
        """Where the weights hold a 3D network, at the noise that it was trained for."""
        return self.volume and self._volume is not None and self._volume.works_at(step.s2)

    def clean_volume(self, x: Tensor, step: Step, periodic: Sequence[bool]) -> VolumeEstimate:
        """What the 3D network makes of it."""
        assert self._volume is not None
        return self._volume.estimate(x, step.ab_t, periodic)

    def clean(self, slices: Tensor, step: Step, plane: str) -> Tensor:
        """Estimate the clean slices, in micro-batches of one fixed size."""
        learnt = self._known().statistics.covariance
        if plane not in learnt:
            raise ReconError(
                f"the weights were trained on {', '.join(learnt)} only, got plane {plane}; "
                "train on micrographs of this plane too"
            )
        estimate = partial(self._estimate, ab=step.ab_t, plane=plane)
        return in_microbatches(estimate, slices, self.batch_slices)

    @torch.no_grad()
    def _estimate(self, x: Tensor, ab: float, plane: str) -> Tensor:
        """Clean estimate with guidance (Eq. 9).

        The weighted mean of two noises is that of the two clean estimates, at any ab.
        """
        estimate = self._pass(x, ab, PLANES.index(plane))
        if self.guidance != 1:
            free = self._pass(x, ab, training.NO_PLANE)
            estimate = self.guidance * estimate + (1 - self.guidance) * free
        return estimate.clamp(-1, 1)

    def _pass(self, x: Tensor, ab: float, plane: int) -> Tensor:
        if self._network is None:
            raise ReconError(NOTHING_LEARNT)
        log_snr = torch.full((1,), math.log(ab / (1 - ab)), device=x.device)  # one for all slices
        planes = torch.full((1,), plane, device=x.device)
        output = self._network(x.to(self._dtype()), log_snr, planes)
        level = torch.tensor(ab, dtype=x.dtype, device=x.device).view(1, 1, 1, 1)
        output = output.to(x.dtype)
        # 0 times infinity is NaN: an overflow is not to pass for a phase that is certain.
        return PREDICTIONS[self.prediction].clean(output, x, level) + 0 * output

    def _known(self) -> Material:
        if self.material is None:
            raise ReconError(NOTHING_LEARNT)
        return self.material

    def _new_network(self, phases: int, seed: int) -> UNet:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return UNet(self.architecture, channels=count_channels(phases), planes=len(PLANES))

    def _task(self, micrographs: Micrographs, seed: int) -> training.Task:
        slices, phases = micrographs.planes, len(micrographs.phases)
        side = crop_side(slices, cast(int, self.crop), self.architecture.stride)
        kept, held_out = hold_out(slices, side, HELD_OUT, np.random.default_rng([seed, 1]))
        flipped = {
            plane
            for plane, stack in slices.items()
            if self.flips == "on" or (self.flips == "auto" and not tilted(stack, phases))
        }
        crops = Crops(kept, frozenset(flipped), side)
        return training.Task(crops, held_out, phases, self.alpha_bar, PREDICTIONS[self.prediction])

    def _settings(self, device: str) -> training.Settings:
        on_gpu = torch.device(device).type == "cuda"
        wanted = self.compile == "on" or (self.compile == "auto" and bool(find_spec("triton")))
        names = (field.name for field in attrs.fields(training.Settings))
        given = {name: getattr(self, name) for name in names if hasattr(self, name)}
        low = self.precision == "bfloat16" or (self.precision == "auto" and on_gpu)
        return training.Settings(**given | {"compile": on_gpu and wanted, "bfloat16": low})

    def _dtype(self) -> torch.dtype:
        """Of the network when it is not trained.

        A noise is divided by sqrt(ab), which magnifies what bfloat16 rounds away.
        """
        if self.precision == "auto":
            low = self.prediction != "noise" and fast_bfloat16(self._device)
            return torch.bfloat16 if low else torch.float32
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[self.precision]

    def _trained(self) -> dict[str, Any]:
        declared = options(type(self))
        return {name: v for name, v in values(self).items() if rule(declared[name]).trained}


def _split(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors of the network of slices, and those of the 3D network without their prefix."""
    volume = {name: t for name, t in tensors.items() if name.startswith(VOLUME)}
    slices = {name: t for name, t in tensors.items() if name not in volume}
    return slices, {name.removeprefix(VOLUME): tensor for name, tensor in volume.items()}


def _check_fit(network: UNet, tensors: dict[str, Tensor], what: str) -> None:
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    for name in sorted(expected.keys() | given.keys()):
        if expected.get(name) != given.get(name):
            raise ReconError(
                f"{what} do not fit the network: {shown(name)} must be {expected.get(name)}, got "
                f"{given.get(name)}; use the same architecture and number of phases"
            )
        if not tensors[name].is_floating_point():
            raise ReconError(
                f"{what} do not fit the network: {name} must be of floats, got "
                f"{tensors[name].dtype}; train them again"
            )
