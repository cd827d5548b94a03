"""What a sample's file says of its making, and what has changed since."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import attrs
import torch

from recon.core.bundled import find_weights
from recon.core.catalog import catalog
from recon.core.data.anchor import Anchor
from recon.core.job import Job
from recon.core.recipe import Recipe

SHOWN = 12
"""Digits of a SHA-256 that are shown."""
WEIGHT_HASHES = {
    "weights_sha256": "weights' SHA-256",
    "blend_sha256": "SHA-256 of the weights to blend",
}
"""Hashes of files that the voxels come from, and what messages call them."""


def collect_versions(recipe: Recipe) -> dict[str, str]:
    """Versions of Python, torch, numpy, scipy and the package of every plugin of a recipe."""
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    versions |= {name: version(name) for name in ("numpy", "scipy")}
    for kind, choice in recipe.plugins():
        entry = catalog().entry(kind, choice.name)
        versions[entry.package] = entry.version
    return versions


def hash_anchors(anchors: Sequence[Anchor]) -> dict[str, str]:
    """Name -> SHA-256 of the labels of each."""
    return {one.name: hashlib.sha256(one.labels.tobytes()).hexdigest() for one in anchors}


def hash_blend(recipe: Recipe) -> str | None:
    """SHA-256 of the weights of the other material of a blended volume."""
    name = recipe.harmonizer.options.get("blend")
    if not name:
        return None
    with find_weights(Recipe().denoiser.name, name).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe_machine(device: str) -> tuple[int, str]:
    """Threads of torch in this process, and what a device of it is; roundings depend on both."""
    if device == "cpu":
        return torch.get_num_threads(), f"cpu {torch.backends.cpu.get_cpu_capability()}"
    return torch.get_num_threads(), torch.cuda.get_device_name() if device == "cuda" else device


def collect_circumstances(
    job: Job, threads: int | None = None, device: str | None = None
) -> dict[str, Any]:
    """What a result depends on beside its recipe.

    threads, device  where the sample was made; those of this process when not given
    """
    here, blend = describe_machine(job.device), hash_blend(job.recipe)
    return {
        "versions": collect_versions(job.recipe),
        "weights_sha256": job.weights_sha256,
        **({"blend_sha256": blend} if blend else {}),
        "threads": threads or here[0],
        "device": device or here[1],
    }


def collect_provenance(
    job: Job, sample: int, threads: int | None = None, device: str | None = None
) -> dict[str, Any]:
    """What a sample's file says of its making; its recipe alone makes it again."""
    alone = attrs.evolve(job.recipe, seed=job.recipe.seed + sample, samples=1)
    anchors = hash_anchors(job.anchors)
    return {
        "recipe": alone.to_table(),
        "seed": alone.seed,
        **collect_circumstances(job, threads, device),
        **({"anchors_sha256": anchors} if anchors else {}),
    }


def list_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of the circumstances is otherwise now, in words.

    What only one of them records is no change: files of an older recon record less.
    """
    lines = []
    for key in (*WEIGHT_HASHES, "device", "threads"):
        if key in before and key in now and before[key] != now[key]:
            name = WEIGHT_HASHES.get(key, key)
            lines.append(f"{name} {_shorten(before[key])}, now {_shorten(now[key])}")
    then = before.get("versions")
    for name, have in now["versions"].items():
        if isinstance(then, Mapping) and name in then and then[name] != have:
            lines.append(f"{name} {_shorten(then[name])}, now {have}")
    return lines


def _shorten(value: Any) -> str:
    return str(value)[:SHOWN] if len(str(value)) == 64 else str(value)[:80]
