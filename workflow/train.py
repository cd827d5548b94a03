"""Training of a recipe's denoiser into a file of weights."""

import contextlib
from pathlib import Path
from typing import Any

from recon.core import weights
from recon.core.data.micrographs import Micrographs
from recon.core.errors import ReconError
from recon.core.job import build, check_planes
from recon.core.kinds import Denoiser
from recon.core.recipe import Recipe
from recon.core.sampling.device import resolve_device
from recon.core.sampling.processes import world
from recon.core.sampling.threads import keep_threads
from recon.core.storage.atomic import atomic_output
from recon.imaging.plane_check.plane_check import warn_of_planes
from recon.workflow.executors import Progress
from recon.workflow.executors.process_group import choose_device, join_processes
from recon.workflow.pack_weights import pack_weights
from recon.workflow.provenance import collect_versions


def train(
    recipe: Recipe,
    micrographs: Micrographs,
    out: Path,
    *,
    checkpoint: Path | None = None,
    init: Path | None = None,
    progress: Progress,
) -> None:
    """Fit the recipe's denoiser to micrographs and write its weights.

    Warns of planes that do not agree and of few micrographs, unless it continues from a checkpoint.
    Of several processes each must call it; the first writes the weights and reports.
    """
    denoiser: Denoiser = build("denoiser", recipe.denoiser)
    check_planes("micrographs show", micrographs.planes)
    processes = world()
    if processes.size > 1 and not denoiser.distributed:
        raise ReconError(
            f"denoiser {denoiser.name} trains in one process, got {processes.size}; start recon "
            "without torchrun"
        )
    device = choose_device(processes, resolve_device(recipe.device))
    if processes.first and (checkpoint is None or not checkpoint.exists()):
        progress("check planes", 0, 1, "")
        with keep_threads():
            warn_of_planes(micrographs)
        progress("check planes", 1, 1, "")
    if processes.first:
        progress("prepare", 0, 1, "")

    def report(record: dict[str, Any]) -> None:
        if not processes.first:
            return
        progress("prepare", 1, 1, "")
        losses = (f"{key} {record[key]:.4f}" for key in ("loss", "held_out") if record.get(key))
        what = record.get("part", denoiser.name)
        progress(f"train {what}", record["step"], record["steps"], ", ".join(losses))

    # From here on, so that another training into the same file is refused before it works.
    writing = atomic_output(out) if processes.first else contextlib.nullcontext(out)
    with join_processes(), writing as partial:
        facts = denoiser.fit(
            micrographs,
            seed=recipe.seed,
            device=device,
            checkpoint=checkpoint,
            init=weights.read(init).parameters if init else None,
            report=report,
        )
        if processes.first:
            origin = {"versions": collect_versions(recipe), "seed": recipe.seed, **facts}
            partial.write_bytes(pack_weights(denoiser, origin))
