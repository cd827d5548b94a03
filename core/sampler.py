"""sample_steps(): 2D denoiser in, 3D volume out, step by step."""

from collections.abc import Generator, Iterator, Sequence
from functools import partial
from math import prod

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core import contracts, weights
from recon.core.anchor_images import read_anchors
from recon.core.bundled import weights_path
from recon.core.catalog import catalog
from recon.core.data.encoding import channels, decode
from recon.core.data.finite import unbounded
from recon.core.data.micrographs import Micrographs
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.estimate import estimate
from recon.core.kinds import Denoiser, Harmonizer
from recon.core.recipe import Recipe
from recon.core.sampling.anchors import EncodedAnchor, encode_anchors, impose_anchors
from recon.core.sampling.noise import Step
from recon.core.sampling.philox import START, normal
from recon.core.sampling.scene import Clean, Scene
from recon.core.sampling.slabs import SlabField, Slabs, all_reduce_sum, iterate_slabs, materialize
from recon.core.sampling.slabs.field import Field, Shape


@attrs.frozen(eq=False)
class State:
    """The volume after a step.

    number  steps done;  steps  of how many;  x  (C, Z, Y, X) at the noise level reached, a
    tensor or in slabs
    """

    number: int
    steps: int
    x: Field
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
        for low, part in iterate_slabs(self.x):
            yield low, decode(part).cpu().numpy()


def sample_steps(
    recipe: Recipe,
    *,
    sample: int = 0,
    denoiser: Denoiser | None = None,
    start: tuple[int, Field] | None = None,
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
        read_encoded_anchors(recipe, denoiser),
        slabs,
    )
    with torch.inference_mode():
        done, x = start or (0, harmonizer.start(scene, partial(draw_noise, scene, START)))
        for step in steps[done:]:
            rng = np.random.default_rng([seed, step.number])
            chosen = schedule.planes(step.number, step.steps, rng)
            step = attrs.evolve(step, planes=contracts.check_planes(schedule, chosen))
            shift = tuple(int(rng.integers(n)) for n in recipe.shape)
            wrap = tuple(
                s if a in recipe.periodic else 0 for a, s in zip("zyx", shift, strict=True)
            )
            clean: Clean = partial(estimate, denoiser, step, wrap, chunk)
            if not harmonizer.holds_anchors:
                clean = partial(estimate_with_anchors, clean, scene.anchors)
            x = harmonizer.advance(x, step, clean, partial(draw_noise, scene, step.number), scene)
            contracts.check_shape(harmonizer, shape, x)
            if step.last:
                x = impose_anchors(x, scene.anchors)
            x = materialize(x)
            check_field(x, step, harmonizer)
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


def draw_noise(scene: Scene, step: int, n: int, *, shape: Shape | None = None) -> Field:
    """The n-th noise of a step, of the volume's shape or another; drawn slab by slab in slabs."""
    shape = shape or scene.shape
    channels, depth, height, width = shape

    def draw(low: int, high: int) -> Tensor:
        box = (channels, high - low, height, width)
        return normal(scene.seed, step, n, box, origin=(low, 0, 0), device=scene.device)

    return draw(0, depth) if scene.slabs is None else SlabField(scene.slabs, shape, draw)


def check_field(x: Field, step: Step, harmonizer: Harmonizer) -> None:
    """ReconError when values of a volume are infinite or not a number after a step."""
    found = sum(unbounded(part) for _, part in iterate_slabs(x))
    if lost := int(all_reduce_sum(x, torch.tensor(found))):
        raise ReconError(
            f"the volume is no longer finite after step {step.number + 1} of {step.steps}, in "
            f"{lost} of {prod(x.shape)} values: the denoiser's estimates were, so harmonizer "
            f"{harmonizer.name} made them; try its default options or another one"
        )


def estimate_with_anchors(
    clean: Clean, anchors: Sequence[EncodedAnchor], x: Field, turn: int = 0
) -> Field:
    """The clean estimate, with the measured slices in it."""
    return impose_anchors(clean(x, turn), anchors)


def read_encoded_anchors(recipe: Recipe, denoiser: Denoiser) -> tuple[EncodedAnchor, ...]:
    """The recipe's anchors, encoded for the field that the denoiser works on."""
    material = denoiser.material
    phases = 2 if material is None else len(material.phases)
    anchors = read_anchors(recipe.anchors, recipe.shape, phases)
    return encode_anchors(anchors, phases, torch_device(recipe.device))


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
