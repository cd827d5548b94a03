"""A volume reproduced from its own metadata, and compared with it."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from recon.core.bundled import list_bundled
from recon.core.data.anchor import Anchor, parse_anchor
from recon.core.data.planes import NORMAL
from recon.core.data.volume_file import read_volume_file
from recon.core.errors import ReconError
from recon.core.job import Job, resolve
from recon.core.recipe import Recipe
from recon.core.sampling.threads import keep_threads
from recon.workflow.executors import Executor, Order, Progress, Sample
from recon.workflow.executors.local import Local
from recon.workflow.folder import Folder
from recon.workflow.provenance import collect_provenance, hash_anchors, list_changes
from recon.workflow.results import Results
from recon.workflow.run import check_unchanged

THICKNESS = 64
"""Planes that are compared at a time."""
MOST_THREADS = 1024


@attrs.frozen(eq=False)
class Origin:
    """A volume's file and what it says of its making.

    recipe      of this sample alone, without what is measured of it; its weights where they are now
    provenance  the attribute `recon`;  labels  (z, y, x), read part by part
    """

    path: Path
    recipe: Recipe
    provenance: Mapping[str, Any]
    labels: Any

    @classmethod
    def read(cls, path: Path, weights: str | None = None, device: str | None = None) -> "Origin":
        """ReconError when the file does not tell enough.

        weights  where they are now, when not where they were
        device   in place of the one of the recipe
        """
        stored = read_volume_file(path)
        provenance = stored["provenance"] or {}
        if not isinstance(provenance.get("recipe"), Mapping):
            raise ReconError(
                f"{path} cannot be reproduced: it does not record its recipe; give a volume that "
                "`recon run` wrote"
            )
        try:
            recipe = Recipe.from_table(provenance["recipe"])
            if recipe.micrographs is not None and recipe.weights is None:
                raise ReconError("its recipe names micrographs and no weights")
            recipe = attrs.evolve(recipe, metrics=(), properties=(), micrographs=None)
            place = weights or locate_weights(path, recipe, provenance.get("weights_sha256"))
            recipe = attrs.evolve(recipe, weights=place, device=device or recipe.device)
            if stored["labels"].shape != recipe.shape:
                sides = " x ".join(map(str, stored["labels"].shape))
                raise ReconError(f"it has {sides} voxels, but its recipe has another shape")
        except ReconError as error:
            raise ReconError(f"{path} cannot be reproduced: {error}") from error
        return cls(path, recipe, provenance, stored["labels"])

    @property
    def anchors(self) -> list[Anchor]:
        """The measured slices: the volume contains them, whatever became of their files."""
        anchors = []
        for text in self.recipe.anchors:
            plane, place, _ = parse_anchor(text)
            where = (slice(None),) * NORMAL[plane] + (place,)
            labels = np.ascontiguousarray(self.labels[where], np.uint8)
            anchors.append(Anchor(plane, place, labels))
        return anchors

    def resolve(self) -> Job:
        """The job that makes it again."""
        try:
            return resolve(self.recipe, anchors=self.anchors)
        except ReconError as error:
            raise ReconError(f"{self.path} cannot be reproduced: {error}") from error

    def list_changes(self, now: Mapping[str, Any]) -> list[str]:
        """What has changed since the volume was made, in words."""
        lines = list_changes(self.provenance, now)
        hashes = self.provenance.get("anchors_sha256")
        for name, sha256 in hash_anchors(self.anchors).items():
            if isinstance(hashes, Mapping) and hashes.get(name) != sha256:
                lines.append(f"the slice {name} in the file is not the anchor it was made with")
        return lines


@attrs.frozen
class Reproduction:
    """How a reproduced volume compares: voxels that differ, of how many, and what has changed."""

    differing: int
    voxels: int
    changes: list[str]


def reproduce(
    origin: Origin, folder: Folder, executor: Executor, progress: Progress
) -> Reproduction:
    """Make a volume again as volume.zarr in a folder that is locked, and compare the two."""
    job = origin.resolve()
    try:
        executor.prepare(job, folder.path)
    except ReconError as error:
        raise ReconError(f"{origin.path} cannot be reproduced: {error}") from error
    folder.begin(origin.recipe, resume=folder.read_request() is not None)
    check_unchanged(folder, job)
    order = Order(job, folder)
    order.note(0, measured={})  # nothing is to be
    with match_threads(origin.provenance.get("threads"), executor):
        executor.execute(order, Copy(order, origin), progress)
    again = read_volume_file(order.path(0))
    differing = 0
    for low in range(0, job.recipe.shape[0], THICKNESS):
        part = slice(low, low + THICKNESS)
        differing += int(np.count_nonzero(origin.labels[part] != again["labels"][part]))
    folder.end()
    changes = origin.list_changes(again["provenance"])
    return Reproduction(differing, int(np.prod(job.recipe.shape)), changes)


@attrs.frozen(eq=False)
class Copy:
    """The sink of a reproduction: the volume with the recipe that its origin tells."""

    order: Order
    origin: Origin

    def keep_sample(self, sample: Sample) -> None:
        """Write the volume; its weights are named where they are now."""
        provenance = collect_provenance(self.order.job, 0, sample.threads, sample.device)
        provenance["recipe"] = {**self.origin.provenance["recipe"]}
        if self.order.job.recipe.weights is not None:
            provenance["recipe"]["weights"] = self.order.job.recipe.weights
        attrs.evolve(sample.volume, provenance=provenance).save(self.order.path(0))

    def keep_results(self, number: int, results: Results) -> None:
        """Nothing is measured."""

    def keep_failure(self, number: int, error: BaseException) -> None:
        """There is no other sample to go on with."""
        raise error


def locate_weights(path: Path, recipe: Recipe, digest: Any) -> str | None:
    """Name or path of the weights: a path is relative to the volume's folder, and a file that is
    no longer where it was is looked for there."""
    name = recipe.weights
    if name is None or name in list_bundled(recipe.denoiser.name):
        return name
    places = [path.parent / name, path.parent / Path(name).name]
    for place in places:
        if place.is_file():
            return str(place)
    sha256 = f", SHA-256 {digest}," if digest else ""
    raise ReconError(
        f"its weights {name}{sha256} are missing, and there is no {places[1].name} beside it; "
        "give their path by weights="
    )


@contextlib.contextmanager
def match_threads(number: Any, executor: Executor) -> Iterator[None]:
    """As many threads as the volume was made with, where this process makes it."""
    with keep_threads():
        if isinstance(executor, Local) and isinstance(number, int) and 1 <= number <= MOST_THREADS:
            torch.set_num_threads(number)
        yield
