"""sample_steps(): 2D denoiser in, 3D volume out, step by step."""

import functools
import operator
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from math import prod
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core import contracts, weights
from recon.core.anchor_images import read_anchors
from recon.core.bundled import weights_path
from recon.core.catalog import catalog
from recon.core.data import planes
from recon.core.data.encoding import channels, decode
from recon.core.data.finite import unbounded
from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser, Harmonizer
from recon.core.recipe import Recipe
from recon.core.sampling.anchors import Pinned, imposed, pinned
from recon.core.sampling.noise import Step
from recon.core.sampling.philox import START, normal
from recon.core.sampling.scene import Clean, Scene
from recon.core.sampling.slabs import Field, Slabs, materialize
from recon.core.sampling.slabs.field import AnyField, slabs_of, total
from recon.core.sampling.slabs.slabs import Read, Shape


@attrs.frozen(eq=False)
class State:
    """The volume after a step.

    number  steps done;  steps  of how many;  x  (C, Z, Y, X) at the noise level reached, a
    tensor or in slabs
    """

    number: int
    steps: int
    x: AnyField
    denoiser: Denoiser

    @property
    def volume(self) -> Volume:
        """The phases seen so far; after the last step the result."""
        labels = np.concatenate([part for _, part in self.labels()])
        return Volume(labels, self.voxel_size, self.phases)

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """(z, y, x) in metres; 1.0 when nothing is known."""
        material = self.denoiser.material
        return (1.0, 1.0, 1.0) if material is None else material.voxel_size

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases."""
        material = self.denoiser.material
        unnamed = tuple(str(k) for k in range(max(2, self.x.shape[0])))
        return unnamed if material is None else material.phases

    def labels(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """First place along z and phases (n, Y, X) of the slabs that this process holds."""
        for low, part in slabs_of(self.x):
            yield low, decode(part).cpu().numpy()


def sample_steps(
    recipe: Recipe,
    *,
    sample: int = 0,
    denoiser: Denoiser | None = None,
    start: tuple[int, AnyField] | None = None,
    chunk: int = 64,
    slabs: Slabs | None = None,
) -> Generator[State, None, None]:
    """Multi-plane denoising diffusion (Lee & Yun 2023, Eq. 10-17), yielding after every step.

    sample    noise is drawn with seed + sample
    denoiser  fitted; loaded as the recipe says when not given
    start     steps done and the field after them, to go on from
    chunk     slices handed to the denoiser at a time: bounds memory, does not change the result
    slabs     how the volume is split, on disk or over processes; the result is the same
    """
    if slabs is not None:
        refuse_slabs(recipe)
    device = torch_device(recipe.device)
    denoiser = denoiser or fitted(recipe)
    schedule = catalog().build("schedule", recipe.schedule.name, **recipe.schedule.options)
    harmonizer: Harmonizer = catalog().build(
        "harmonizer", recipe.harmonizer.name, **recipe.harmonizer.options
    )
    seed = recipe.seed + sample
    shape = (field_channels(denoiser), *recipe.shape)
    steps = harmonizer.steps(denoiser.alpha_bar, recipe.steps)
    scene = Scene(
        shape,
        ("z" in recipe.periodic, "y" in recipe.periodic, "x" in recipe.periodic),
        steps[0].ab_t,
        denoiser.statistics,
        device,
        seed,
        pins(recipe, denoiser),
        slabs,
    )
    # A field takes the place of a tensor in a harmonizer, which the types do not tell.
    draw: Any = normal if slabs is None else partial(noise_in, slabs)
    noise = partial(draw, seed, shape=shape, device=device)
    x: Any
    with torch.inference_mode():
        done, x = start or (0, harmonizer.start(scene, partial(noise, START)))
        for step in steps[done:]:
            rng = np.random.default_rng([seed, step.number])
            chosen = schedule.planes(step.number, step.steps, rng)
            step = attrs.evolve(step, planes=contracts.planes(schedule, chosen))
            shift = tuple(int(rng.integers(n)) for n in recipe.shape)
            wrap = tuple(
                s if a in recipe.periodic else 0 for a, s in zip("zyx", shift, strict=True)
            )
            whole: Any = estimate if slabs is None else estimate_in_slabs
            clean: Clean = partial(whole, denoiser, step, wrap, chunk)
            if scene.anchors and not harmonizer.holds_anchors:
                clean = partial(anchored, clean, scene.anchors)
            x = harmonizer.advance(x, step, clean, partial(noise, step.number), scene)
            contracts.of_shape(harmonizer, shape, x)
            if step.last and scene.anchors:
                x = imposed(x, scene.anchors)
            check_field(materialize(x), step, harmonizer)
            yield State(step.number + 1, step.steps, x, denoiser)


def refuse_slabs(recipe: Recipe) -> None:
    """ReconError for what needs the whole volume in the memory of one process."""
    name = recipe.harmonizer.name
    whole = None if catalog().entry("harmonizer", name).cls.in_slabs else f"harmonizer {name} needs"
    if recipe.anchors:
        whole = "anchors need"
    if whole is not None:
        raise ReconError(
            f"{whole} the volume in the memory of one process; give more --memory and leave "
            "torchrun out, or take something else"
        )


def estimate(
    denoiser: Denoiser, step: Step, wrap: Sequence[int], chunk: int, x: Tensor, turn: int = 0
) -> Tensor:
    """Clean estimate of a volume: the mean over the step's planes of the slices' estimates.

    turn  takes the planes that follow the step's after so many turns
    wrap  voxels by which the volume is rolled along (z, y, x) before it is cut into slices: on a
          periodic axis this moves the border of the slices to another place at every step
    """
    found = unchecked_estimate(denoiser, step, wrap, chunk, x, turn)
    check_estimate(unbounded(found), found.numel(), denoiser, step, turn)
    return found


def unchecked_estimate(
    denoiser: Denoiser, step: Step, wrap: Sequence[int], chunk: int, x: Tensor, turn: int = 0
) -> Tensor:
    """The same, finite or not."""
    rolled = x.roll(wrap, (1, 2, 3)) if any(wrap) else x
    total = torch.zeros_like(x)
    for plane in planes.turned(step.planes, turn):
        stack = planes.slices(rolled, plane)
        result = planes.slices(total, plane)
        for first in range(0, len(stack), chunk):
            part = slice(first, first + chunk)
            # A copy even where a view is contiguous: a denoiser that writes to it harms nothing.
            given = stack[part].clone(memory_format=torch.contiguous_format)
            found = denoiser.clean(given, step, plane)
            result[part] += contracts.of_shape(denoiser, given.shape, found)
    total /= len(step.planes)
    return total.roll([-s for s in wrap], (1, 2, 3)) if any(wrap) else total


def estimate_in_slabs(
    denoiser: Denoiser, step: Step, wrap: Sequence[int], chunk: int, x: Field, turn: int = 0
) -> Field:
    """The same of a volume in slabs; each plane's slices are whole in slabs along its normal."""
    found, lost = [], 0
    for plane in planes.turned(step.planes, turn):
        normal = planes.NORMAL[plane]
        beside = [0 if axis == normal else shift for axis, shift in enumerate(wrap)]
        one = attrs.evolve(step, planes=(plane,))
        read = x.along(normal)

        def make(
            low: int, high: int, one: Step = one, beside: Sequence[int] = beside, read: Read = read
        ) -> Tensor:
            nonlocal lost
            part = unchecked_estimate(denoiser, one, beside, chunk, read(low, high))
            lost += unbounded(part)
            return part

        stored = x.slabs.store(x.shape, torch.float32, normal, make)
        found.append(Field(x.slabs, x.shape, stored.along(0)))
    # All processes leave together, or those that found nothing would wait for the others.
    lost = int(x.slabs.total(torch.tensor(lost)))
    check_estimate(lost, prod(x.shape), denoiser, step, turn)
    return functools.reduce(operator.add, found) / len(found)


def noise_in(slabs: Slabs, seed: int, step: int, n: int, *, shape: Shape, device: str) -> Field:
    """The n-th noise of a step, drawn slab by slab."""

    def read(low: int, high: int) -> Tensor:
        box = (shape[0], high - low, shape[2], shape[3])
        return normal(seed, step, n, box, origin=(low, 0, 0), device=device)

    return Field(slabs, shape, read)


def check_estimate(lost: int, values: int, denoiser: Denoiser, step: Step, turn: int) -> None:
    """ReconError when values of a clean estimate are infinite or not a number."""
    if lost:
        named = ", ".join(planes.turned(step.planes, turn))
        raise ReconError(
            f"denoiser {denoiser.name} gave NaN or infinity at step {step.number + 1} of "
            f"{step.steps}, plane {named}, in {lost} of {values} values; lower denoiser.guidance, "
            "set denoiser.precision=float32 where it has these options, or try other weights"
        )


def check_field(x: AnyField, step: Step, harmonizer: Harmonizer) -> None:
    """ReconError when values of a volume are infinite or not a number after a step."""
    found = sum(unbounded(part) for _, part in slabs_of(x))
    if lost := int(total(x, torch.tensor(found))):
        raise ReconError(
            f"the volume is no longer finite after step {step.number + 1} of {step.steps}, in "
            f"{lost} of {prod(x.shape)} values: the denoiser's estimates were, so harmonizer "
            f"{harmonizer.name} made them; try its default options or another one"
        )


def anchored(clean: Clean, pins: Sequence[Pinned], x: Tensor, turn: int = 0) -> Tensor:
    """The clean estimate, with the measured slices in it."""
    return imposed(clean(x, turn), pins)


def pins(recipe: Recipe, denoiser: Denoiser) -> tuple[Pinned, ...]:
    """The recipe's anchors, encoded for the field that the denoiser works on."""
    material = denoiser.material
    phases = 2 if material is None else len(material.phases)
    anchors = read_anchors(recipe.anchors, recipe.shape, phases)
    return pinned(anchors, phases, torch_device(recipe.device))


def fitted(recipe: Recipe) -> Denoiser:
    """The denoiser that a recipe names: its weights, or fitted to its micrographs."""
    name, options = recipe.denoiser.name, recipe.denoiser.options
    device = torch_device(recipe.device)
    if recipe.weights is None:
        denoiser: Denoiser = catalog().build("denoiser", name, **options)
        if recipe.micrographs is not None:
            denoiser.fit(Micrographs.open(recipe.micrographs), seed=recipe.seed, device=device)
            return denoiser
        if not denoiser.needs_weights:
            return denoiser
    loaded = weights.read(weights_path(name, recipe.weights))
    return weights.load(loaded, name, options, device)


def field_channels(denoiser: Denoiser) -> int:
    """Channels of the field that a denoiser works on; one when it knows no material."""
    return 1 if denoiser.material is None else channels(len(denoiser.material.phases))


def torch_device(name: str) -> str:
    """A device of this machine; ReconError for one that it does not have."""
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there[name]:
        raise ReconError(f"device {name} is not there; use --device auto or cpu")
    return name
