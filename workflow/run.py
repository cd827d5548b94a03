"""A whole run in a folder: train if need be, reconstruct, measure, compare, report."""

import json
import warnings
from collections.abc import Callable

import attrs

from recon.core.anchor_images import read_anchors
from recon.core.data.micrographs import Micrographs
from recon.core.errors import ReconError
from recon.core.job import Job, build, build_plugins, check_planes, resolve
from recon.core.recipe import Recipe
from recon.core.sampler import make_scene
from recon.core.sampling.device import resolve_device
from recon.core.sampling.threads import keep_threads
from recon.core.storage.atomic import atomic_output
from recon.validation.comparison.compare import check_comparable
from recon.workflow.conclude import Conclusion, conclude, find_embedded
from recon.workflow.executors import Executor, Order, Progress
from recon.workflow.executors.local import Local
from recon.workflow.folder import Folder
from recon.workflow.provenance import (
    WEIGHT_HASHES,
    collect_circumstances,
    hash_anchors,
    list_changes,
)
from recon.workflow.record import Record
from recon.workflow.train import train

LOCAL = Local()
WEIGHTS = "weights.safetensors"
"""In the folder of a run that had to train."""


def check_recipe(recipe: Recipe, phases: int | None = None) -> None:
    """Refuse unknown plugins, options and devices before any work is done.

    phases  of the material, where they are known: what does not suit it is refused too
    """
    if min(recipe.shape) < 2:
        raise ReconError(
            f"recipe: shape must have three sides in [2, 65535], got {recipe.shape}: a volume one "
            "voxel thick is a slice and cannot be compared; give a thicker one"
        )
    build("denoiser", recipe.denoiser)
    plugins = build_plugins(recipe)
    resolve_device(recipe.device)
    if phases is not None:
        plugins["harmonizer"].check(phases)
        read_anchors(recipe.anchors, recipe.shape, phases)


def run(
    recipe: Recipe,
    folder: Folder,
    *,
    resume: bool,
    classifier: bool = True,
    report: bool = True,
    progress: Progress,
    report_time: Callable[[int, float], None] = lambda number, seconds: None,
    executor: Executor = LOCAL,
) -> Conclusion:
    """Do or resume a run in a folder that is locked.

    classifier   whether slices are given to a classifier to tell apart when volumes are compared
    report       whether a page is written
    report_time  called with the number and the seconds of each sample before its file is there;
                 one that was resumed counts as if all its steps had been made now
    executor     where samples are made and measured

    Leaves volume.zarr (or 000.zarr, 001.zarr, ... and samples.csv), recipe.toml,
    measurements.json, report.html, comparison.json when there are micrographs, and
    weights.safetensors when it had to train.
    """
    micrographs = Micrographs.open(recipe.micrographs) if recipe.micrographs else None
    if recipe.weights is None and micrographs is not None:
        job = train_first(recipe, micrographs, folder, resume, progress)
    else:
        # Whatever is wrong with weights and options is found before the folder is written to.
        job = resolve(recipe)
        if micrographs is not None and job.denoiser.material is not None:
            check_comparable(job.denoiser.material, micrographs)
        make_scene(job)
        executor.prepare(job, folder.path)
        folder.begin(recipe, resume)
    check_unchanged(folder, job)
    order, written = Order(job, folder), relate_weights(job, folder)
    with atomic_output(folder.path / "recipe.toml", replace=True) as partial:
        written.recipe.save(partial)
    record = Record(order, written, report_time)
    executor.execute(order, record, progress)
    record.raise_failures()
    reference = micrographs or find_embedded(job.recipe)
    with keep_threads():
        conclusion = conclude(
            order, written.recipe, reference, progress, executor.memory, classifier, report
        )
    folder.end()
    return conclusion


def train_first(
    recipe: Recipe, micrographs: Micrographs, folder: Folder, resume: bool, progress: Progress
) -> Job:
    """The job of a recipe without weights: they are trained into the folder, unless they are there.

    Whatever does not suit the micrographs is refused before.
    """
    check_planes("micrographs show", micrographs.planes)
    check_recipe(recipe, len(micrographs.phases))
    folder.begin(recipe, resume)
    path = (folder.path / WEIGHTS).absolute()
    if not path.exists():
        checkpoint = folder.state("training.safetensors")
        with keep_threads():
            train(recipe, micrographs, path, checkpoint=checkpoint, progress=progress)
    return resolve(attrs.evolve(recipe, weights=str(path)))


def relate_weights(job: Job, folder: Folder) -> Job:
    """The job as files of the folder name it: weights that lie in there by their name alone."""
    own = str((folder.path / WEIGHTS).absolute())
    if job.recipe.weights != own:
        return job
    return attrs.evolve(job, recipe=attrs.evolve(job.recipe, weights=WEIGHTS))


def check_unchanged(folder: Folder, job: Job) -> None:
    """Note under what circumstances a run begins; a resumed run warns of what has changed.

    Raises ReconError for other weights or anchors: a sample begun with some cannot be ended with
    others.
    """
    anchors = hash_anchors(job.anchors)
    now = {**collect_circumstances(job), "anchors_sha256": anchors}
    path = folder.state("begun.json")
    if not path.exists():
        with atomic_output(path) as partial:
            partial.write_text(json.dumps(now))
        return
    before = json.loads(path.read_text())
    changes = "; ".join(list_changes(before, now))
    if any(key in before and before[key] != now.get(key) for key in WEIGHT_HASHES):
        raise ReconError(
            f"the run in {folder.path} was begun with other weights: {changes}; put the file "
            "back, or choose another out="
        )
    begun = before.get("anchors_sha256", anchors)  # an older recon did not note them
    if others := [name for name in anchors if begun.get(name) != anchors[name]]:
        raise ReconError(
            f"the run in {folder.path} was begun with other slices as anchors {', '.join(others)}; "
            "put the files back, or choose another out="
        )
    if changes:
        warnings.warn(
            f"changed since the run in {folder.path} was begun: {changes}; voxels may differ from "
            "those of an uninterrupted run",
            stacklevel=2,
        )
