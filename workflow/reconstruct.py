"""reconstruct(): volumes from a model, as notebooks ask for them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from recon.core.data.volume import Volume
from recon.core.job import resolve
from recon.core.recipe import Recipe
from recon.core.sampler import sample_steps
from recon.core.sampling.threads import keep_threads
from recon.workflow.model import Model
from recon.workflow.overlay import lay_over, speed_up
from recon.workflow.progress import ProgressDisplay
from recon.workflow.provenance import collect_provenance


def reconstruct(
    model: Model | str | Path,
    shape: Sequence[int] = (64, 64, 64),
    samples: int = 1,
    *,
    fast: bool = False,
    fastest: bool = False,
    seed: int = 0,
    device: str = "auto",
    **settings: Any,
) -> list[Volume]:
    """Reconstruct volumes of the material of a model.

    model     a Model, the name of bundled weights, or a file of weights
    shape     voxels along (z, y, x)
    samples   number of volumes; sample i uses seed + i
    fast      use a fifth of the network passes, for somewhat lower quality
    fastest   use five steps; for models with a 3D network
    settings  further keys of a recipe, such as steps=100, periodic="zyx",
              harmonizer={"name": "gamma-blend", "gamma": 0.3}, anchors=["xy:12=slice.tif"]

    Shows its progress. The result is that of `recon run` with the same settings.
    """
    if not isinstance(model, Model):
        model = Model.open(model, device)
    values = {"shape": list(shape), "samples": samples, "seed": seed, "device": device}
    values |= _flatten({**settings, "denoiser": model.denoiser.name})
    table = lay_over({}, speed_up({}, values, fastest) if fast or fastest else values)
    recipe = attrs.evolve(Recipe.from_table(table), weights=model.source)
    job = resolve(recipe, model.denoiser, weights_sha256=model.sha256)
    volumes = []
    with keep_threads(), ProgressDisplay() as progress:
        for number in range(samples):
            what = "reconstruct" if samples == 1 else f"reconstruct {number:03d}"
            for state in sample_steps(job, sample=number):
                progress(what, state.number, state.steps)
            provenance = collect_provenance(job, number)
            volumes.append(attrs.evolve(state.volume, provenance=provenance))
    return volumes


def _flatten(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of plugins as keys: {"harmonizer": "spectral", "harmonizer.rounds": 2}."""
    values: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            options = dict(value)
            if "name" in options:
                values[key] = options.pop("name")
            values |= {f"{key}.{name}": option for name, option in options.items()}
        else:
            values[key] = list(value) if key == "periodic" else value
    return values
