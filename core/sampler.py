"""sample_steps(): 2D denoiser in, 3D volume out, step by step."""

from collections.abc import Generator, Iterator, Sequence
from functools import partial
from math import prod

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recon.core import contracts
from recon.core.catalog import catalog
from recon.core.data.encoding import decode
from recon.core.data.finite import count_nonfinite
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.estimate import estimate
from recon.core.job import Job, resolve
from recon.core.kinds import Denoiser, Harmonizer, Refiner
from recon.core.recipe import Recipe
from recon.core.sampling.anchors import EncodedAnchor, impose_anchors
from recon.core.sampling.philox import START, draw_normal
from recon.core.sampling.scene import Clean, Scene
from recon.core.sampling.slabs import SlabField, Slabs, all_reduce_sum, iterate_slabs, materialize
from recon.core.sampling.slabs.field import Field, Shape
from recon.core.sampling.step import Step


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
        return Volume(labels, self.denoiser.voxel_size, self.phases)

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
    recipe: Recipe | Job,
    *,
    sample: int = 0,
    denoiser: Denoiser | None = None,
    start: tuple[int, Field] | None = None,
    chunk: int = 64,
    slabs: Slabs | None = None,
) -> Generator[State, None, None]:
    """Multi-plane denoising diffusion (Lee & Yun 2023, Eq. 10-17), yielding after every step.

    recipe    or what `resolve` made of it, for several samples
    sample    noise is drawn with seed + sample
    denoiser  fitted, in place of that which the recipe names
    start     steps done and the field after them, to go on from
    chunk     slices handed to the denoiser at a time: bounds memory, does not change the result
    slabs     how the volume is split, on disk or over processes; the result is the same
    """
    job = recipe if isinstance(recipe, Job) else resolve(recipe, denoiser)
    if slabs is not None:
        refuse_slabs(job.recipe)
    recipe, denoiser, harmonizer, steps = job.recipe, job.denoiser, job.harmonizer, plan_steps(job)
    with torch.inference_mode():
        scene = harmonizer.prepare(make_scene(job, sample, slabs))
        done, x = start or (0, harmonizer.start(scene, partial(draw_noise, scene, START)))
        for step in steps[done:]:
            rng = np.random.default_rng([scene.seed, step.number])
            planes = job.schedule.planes(step.number, step.steps, rng)
            planes = contracts.check_planes(job.schedule, planes)
            step = attrs.evolve(step, planes=planes, volume=denoiser.sees_volume(step))
            shift = tuple(int(rng.integers(n)) for n in recipe.shape)
            wrap = tuple(s if wraps else 0 for s, wraps in zip(shift, scene.periodic, strict=True))
            clean: Clean = partial(estimate, denoiser, step, wrap, chunk, periodic=scene.periodic)
            if not harmonizer.holds_anchors:
                clean = partial(estimate_with_anchors, clean, scene.anchors)
            x = harmonizer.advance(x, step, clean, partial(draw_noise, scene, step.number), scene)
            when = f"after step {step.number + 1} of {step.steps}"
            x = materialize_finite(harmonizer, x, scene, when)
            if step.last:
                x = impose_anchors(x, scene.anchors)
                for refiner in job.refiners:
                    refined = refiner.refine(x, scene)
                    x = materialize_finite(refiner, refined, scene, f"after refiner {refiner.name}")
            yield State(step.number + 1, step.steps, x, denoiser)


def make_scene(job: Job, sample: int = 0, slabs: Slabs | None = None) -> Scene:
    """The volume that is to be made; ReconError where it does not suit a refiner."""
    scene = Scene(
        job.field_shape,
        ("z" in job.recipe.periodic, "y" in job.recipe.periodic, "x" in job.recipe.periodic),
        plan_steps(job)[0].ab_t,
        job.denoiser.statistics,
        job.device,
        job.recipe.seed + sample,
        job.encoded_anchors,
        slabs,
        voxel_size=job.denoiser.voxel_size,
        phases=job.denoiser.material.phases if job.denoiser.material else None,
    )
    for refiner in job.refiners:
        refiner.check(scene)
    return scene


def plan_steps(job: Job) -> list[Step]:
    """The steps from the noise to the volume: the harmonizer's, of which the denoiser chooses."""
    planned = job.harmonizer.steps(job.denoiser.alpha_bar, job.recipe.steps)
    return job.denoiser.choose_steps(planned)


def refuse_slabs(recipe: Recipe) -> None:
    """ReconError for what needs the whole volume in the memory of one process."""
    whole = ["anchors need"] if recipe.anchors else []
    for kind, choice in recipe.plugins():
        in_slabs = kind not in ("harmonizer", "refiner") or (
            catalog().entry(kind, choice.name).cls.in_slabs
        )
        if not in_slabs:
            whole.append(f"{kind} {choice.name} needs")
    if whole:
        raise ReconError(
            f"{whole[0]} the volume in the memory of one process; give more memory= and leave "
            "torchrun out, or take something else"
        )


def draw_noise(scene: Scene, step: int, n: int, *, shape: Shape | None = None) -> Field:
    """The n-th noise of a step, of the volume's shape or another; drawn slab by slab in slabs."""
    shape = shape or scene.shape

    def draw(low: int, high: int) -> Tensor:
        box = (shape[0], high - low, *shape[2:])
        return draw_normal(scene.seed, step, n, box, origin=(low, 0, 0), device=scene.device)

    return draw(0, shape[1]) if scene.slabs is None else SlabField(scene.slabs, shape, draw)


def materialize_finite(plugin: Harmonizer | Refiner, x: Field, scene: Scene, when: str) -> Field:
    """What a plugin made of the field, computed; ReconError when it is not what it must be."""
    x = materialize(contracts.check_shape(plugin, scene.shape, x))
    nonfinite = sum(count_nonfinite(part) for _, part in iterate_slabs(x))
    if lost := int(all_reduce_sum(x, torch.tensor(nonfinite))):
        raise ReconError(
            f"the volume is no longer finite {when}, in {lost} of {prod(x.shape)} values: the "
            f"denoiser's estimates were, so {plugin.kind} {plugin.name} made them; try its default "
            "options or another one"
        )
    return x


def estimate_with_anchors(
    clean: Clean, anchors: Sequence[EncodedAnchor], x: Field, turn: int = 0
) -> Field:
    """The clean estimate, with the measured slices in it."""
    return impose_anchors(clean(x, turn), anchors)
