"""Versions of what a recipe uses, and what a sample's file says of its making."""

import platform
from collections.abc import Iterator
from typing import Any

import attrs
import torch

from recon.core.catalog import catalog
from recon.core.recipe import Recipe


def plugins(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Kind and name of every plugin of a recipe."""
    for kind in ("denoiser", "schedule", "harmonizer"):
        yield kind, getattr(recipe, kind).name
    yield from (("metric", choice.name) for choice in recipe.metrics)
    yield from (("property", choice.name) for choice in recipe.properties)


def versions(recipe: Recipe) -> dict[str, str]:
    """Versions of Python, torch and the package of every plugin of a recipe."""
    found = {"python": platform.python_version(), "torch": torch.__version__}
    for kind, name in plugins(recipe):
        entry = catalog().entry(kind, name)
        found[entry.package] = entry.version
    return found


def provenance(
    recipe: Recipe, number: int, digest: str | None, threads: int | None = None
) -> dict[str, Any]:
    """What a sample's file says of its making; its recipe alone makes it again.

    threads  of torch where the sample was made; this process's when not given
    """
    alone = attrs.evolve(recipe, seed=recipe.seed + number, samples=1)
    return {
        "recipe": alone.to_table(),
        "seed": alone.seed,
        "versions": versions(recipe),
        "weights_sha256": digest,
        "threads": threads or torch.get_num_threads(),
    }
