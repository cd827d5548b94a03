"""What a sample's file says of its making, and what has changed since."""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import attrs
import torch

from recon.core.anchor_images import read_anchors
from recon.core.catalog import catalog
from recon.core.recipe import Recipe
from recon.core.sampler import torch_device

SHOWN = 12
"""Digits of a SHA-256 that are told."""


def plugins(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Kind and name of every plugin of a recipe."""
    for kind in ("denoiser", "schedule", "harmonizer"):
        yield kind, getattr(recipe, kind).name
    yield from (("metric", choice.name) for choice in recipe.metrics)
    yield from (("property", choice.name) for choice in recipe.properties)


def versions(recipe: Recipe) -> dict[str, str]:
    """Versions of Python, torch, numpy, scipy and the package of every plugin of a recipe."""
    found = {"python": platform.python_version(), "torch": torch.__version__}
    found |= {name: version(name) for name in ("numpy", "scipy")}
    for kind, name in plugins(recipe):
        entry = catalog().entry(kind, name)
        found[entry.package] = entry.version
    return found


def surroundings(device: str) -> tuple[int, str]:
    """Threads of torch in this process, and what a device of it is; roundings depend on both."""
    name = torch_device(device)
    if name == "cpu":
        return torch.get_num_threads(), f"cpu {torch.backends.cpu.get_cpu_capability()}"
    return torch.get_num_threads(), torch.cuda.get_device_name() if name == "cuda" else name


def circumstances(
    recipe: Recipe, digest: str | None, threads: int | None = None, device: str | None = None
) -> dict[str, Any]:
    """What a result depends on beside its recipe.

    threads, device  where the sample was made; those of this process when not given
    """
    here = surroundings(recipe.device)
    return {
        "versions": versions(recipe),
        "weights_sha256": digest,
        "threads": threads or here[0],
        "device": device or here[1],
    }


def provenance(
    recipe: Recipe,
    number: int,
    phases: int,
    digest: str | None,
    threads: int | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """What a sample's file says of its making; its recipe alone makes it again."""
    alone = attrs.evolve(recipe, seed=recipe.seed + number, samples=1)
    anchors = read_anchors(recipe.anchors, recipe.shape, phases)
    return {
        "recipe": alone.to_table(),
        "seed": alone.seed,
        **circumstances(recipe, digest, threads, device),
        **({"anchors_sha256": {a.name: a.sha256 for a in anchors}} if anchors else {}),
    }


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of the circumstances is otherwise now, in words.

    What only one of them tells is no change: files of an older recon tell less.
    """
    lines = []
    for key in ("weights_sha256", "device", "threads"):
        if key in before and before[key] != now[key]:
            name = "weights' SHA-256" if key == "weights_sha256" else key
            lines.append(f"{name} {_shown(before[key])}, now {_shown(now[key])}")
    then = before.get("versions")
    for name, have in now["versions"].items():
        if isinstance(then, Mapping) and name in then and then[name] != have:
            lines.append(f"{name} {_shown(then[name])}, now {have}")
    return lines


def _shown(value: Any) -> str:
    return str(value)[:SHOWN] if len(str(value)) == 64 else str(value)[:80]
