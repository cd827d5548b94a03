"""reconstruct(): 2D denoiser in, 3D volume out, step by step. measure(): what came out."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import attrs
import numpy as np
import torch
import xarray as xr
from torch import Tensor

from recon.core import planes, weights
from recon.core.anchors import Pinned, imposed, pinned, read_anchors
from recon.core.bundled import weights_path
from recon.core.catalog import catalog
from recon.core.encoding import channels, decode
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser, Harmonizer, Metric, Property
from recon.core.micrographs import Micrographs
from recon.core.noise import Step
from recon.core.philox import START, normal
from recon.core.recipe import Choice, Recipe
from recon.core.scene import Clean, Scene
from recon.core.volume import Volume


@attrs.frozen(eq=False)
class State:
    """The volume after a step.

    number  steps done;  steps  of how many;  x  (C, Z, Y, X) at the noise level reached
    """

    number: int
    steps: int
    x: Tensor
    denoiser: Denoiser

    @property
    def volume(self) -> Volume:
        """The phases seen so far; after the last step the result."""
        material = self.denoiser.material
        labels = decode(self.x).cpu().numpy()
        if material is None:
            return Volume(labels, phases=[str(k) for k in range(max(2, self.x.shape[0]))])
        return Volume(labels, material.voxel_size, material.phases)


def reconstruct(
    recipe: Recipe,
    *,
    sample: int = 0,
    denoiser: Denoiser | None = None,
    start: tuple[int, Tensor] | None = None,
    chunk: int = 64,
) -> Iterator[State]:
    """Multi-plane denoising diffusion (Lee & Yun 2023, Eq. 10-17), yielding after every step.

    sample    noise is drawn with seed + sample
    denoiser  fitted; loaded as the recipe says when not given
    start     steps done and the field after them, to go on from
    chunk     slices handed to the denoiser at a time: bounds memory, does not change the result
    """
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
    )
    noise = partial(normal, seed, shape=shape, device=device)
    with torch.inference_mode():
        done, x = start or (0, harmonizer.start(scene, partial(noise, START)))
        for step in steps[done:]:
            rng = np.random.default_rng([seed, step.number])
            step = attrs.evolve(step, planes=schedule.planes(step.number, step.steps, rng))
            shift = tuple(int(rng.integers(n)) for n in recipe.shape)
            wrap = tuple(
                s if a in recipe.periodic else 0 for a, s in zip("zyx", shift, strict=True)
            )
            clean: Clean = partial(estimate, denoiser, step, wrap, chunk)
            if not harmonizer.holds_anchors:
                clean = partial(anchored, clean, scene.anchors)
            x = harmonizer.advance(x, step, clean, partial(noise, step.number), scene)
            if step.last:
                x = imposed(x, scene.anchors)
            if not torch.isfinite(x).all():
                raise ReconError(
                    f"the volume is no longer finite after step {step.number + 1} of {step.steps}; "
                    "lower denoiser.guidance, or try other weights"
                )
            yield State(step.number + 1, step.steps, x, denoiser)


def estimate(
    denoiser: Denoiser, step: Step, wrap: Sequence[int], chunk: int, x: Tensor, turn: int = 0
) -> Tensor:
    """Clean estimate of a volume: the mean over the step's planes of the slices' estimates.

    turn  takes the planes that follow the step's after so many turns
    wrap  voxels by which the volume is rolled along (z, y, x) before it is cut into slices: on a
          periodic axis this moves the border of the slices to another place at every step
    """
    rolled = x.roll(wrap, (1, 2, 3)) if any(wrap) else x
    total = torch.zeros_like(x)
    for plane in planes.turned(step.planes, turn):
        stack = planes.slices(rolled, plane)
        result = planes.slices(total, plane)
        for first in range(0, len(stack), chunk):
            part = slice(first, first + chunk)
            result[part] += denoiser.clean(stack[part].contiguous(), step, plane)
    total /= len(step.planes)
    return total.roll([-s for s in wrap], (1, 2, 3)) if any(wrap) else total


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


def measure(
    sample: Volume | Micrographs,
    metrics: Sequence[str | Choice | Metric] = (),
    properties: Sequence[str | Choice | Property] = (),
    report: Callable[[str], None] = lambda name: None,
) -> dict[str, xr.DataArray | xr.Dataset]:
    """Every statistic and property asked for, by the plugin's name.

    report  called with the name of each before it is computed
    """
    results: dict[str, xr.DataArray | xr.Dataset] = {}
    for kind, chosen in (("metric", metrics), ("property", properties)):
        for item in chosen:
            plugin = _plugin(kind, item)
            report(plugin.name)
            value = plugin.measure(sample) if kind == "metric" else plugin.solve(sample)
            key = plugin.name
            while key in results:
                key += "'"
            results[key] = value if isinstance(value, xr.Dataset) else xr.DataArray(value)
    return results


def _plugin(kind: str, item: Any) -> Any:
    if isinstance(item, str):
        item = Choice(item)
    if isinstance(item, Choice):
        return catalog().build(kind, item.name, **item.options)
    return item
