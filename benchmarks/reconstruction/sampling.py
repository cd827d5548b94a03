"""Volumes of a sampler, with the network passes and seconds they took."""

import json
import time
from pathlib import Path
from typing import Any

import attrs

from recon.core import Recipe, Volume, sample_steps
from recon.core.job import resolve
from recon.core.kinds import Denoiser


@attrs.frozen
class Made:
    """Volumes of the seeds 0..n-1; passes over the volume and seconds of each."""

    volumes: list[Volume]
    passes: list[float]
    seconds: list[float]


def sampled(recipe: Recipe, seeds: int, folder: Path) -> Made:
    """Volumes from the folder where they are there, else made and put there."""
    denoiser: Denoiser | None = None
    volumes, passes, seconds = [], [], []
    for seed in range(seeds):
        path, note = folder / f"{seed:03d}.zarr", folder / f"{seed:03d}.json"
        if not note.exists():
            denoiser = denoiser or resolve(recipe).denoiser
            begin = time.perf_counter()
            volume, count = _one(recipe, seed, denoiser)
            took = time.perf_counter() - begin
            folder.mkdir(parents=True, exist_ok=True)
            volume.save(path)
            note.write_text(json.dumps({"passes": count, "seconds": took}))
        known: dict[str, Any] = json.loads(note.read_text())
        volumes.append(Volume.open(path))
        passes.append(known["passes"])
        seconds.append(known["seconds"])
    return Made(volumes, passes, seconds)


def _one(recipe: Recipe, seed: int, denoiser: Denoiser) -> tuple[Volume, float]:
    slices = 0
    clean = type(denoiser).clean

    def counted(self: Denoiser, stack: Any, step: Any, plane: str) -> Any:
        nonlocal slices
        slices += stack.shape[0] * stack.shape[2] * stack.shape[3]
        return clean(self, stack, step, plane)

    type(denoiser).clean = counted  # type: ignore[method-assign]
    try:
        for state in sample_steps(recipe, sample=seed, denoiser=denoiser):  # noqa: B007
            pass  # one at a time: a thousand fields take a gigabyte
    finally:
        type(denoiser).clean = clean  # type: ignore[method-assign]
    voxels = recipe.shape[0] * recipe.shape[1] * recipe.shape[2]
    return state.volume, slices / voxels
