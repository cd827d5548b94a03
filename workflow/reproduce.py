"""A volume made again from what its own file says of its making, and compared with it."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from recon.core.bundled import bundled
from recon.core.data.anchor import Anchor, parse_anchor
from recon.core.data.planes import NORMAL
from recon.core.errors import ReconError
from recon.core.recipe import Recipe
from recon.core.sampling.threads import keep_threads
from recon.core.storage import ome_zarr
from recon.core.storage.atomic import atomic_output
from recon.workflow.executors import Executor, Failed, Made, Order, Progress
from recon.workflow.executors.local import Local
from recon.workflow.folder import Folder
from recon.workflow.provenance import changed, circumstances, provenance
from recon.workflow.run import check_unchanged, loaded, resolved

THICKNESS = 64
"""Planes that are compared at a time."""
MOST_THREADS = 1024


@attrs.frozen(eq=False)
class Origin:
    """A volume's file and what it says of its making.

    recipe   of this sample alone, without what is measured of it; its weights where they are now
    made     the attribute `recon`;  labels  (z, y, x), read piece by piece
    """

    path: Path
    recipe: Recipe
    made: Mapping[str, Any]
    labels: Any
    phases: int

    @classmethod
    def of(cls, path: Path, weights: str | None = None, device: str | None = None) -> "Origin":
        """Read it; ReconError when it does not tell enough.

        weights  where they are now, when not where they were
        device   in place of the one of the recipe
        """
        stored = ome_zarr.read(path)
        made = stored["provenance"] or {}
        if not isinstance(made.get("recipe"), Mapping):
            raise ReconError(
                f"{path} cannot be made again: it does not tell its recipe; give a volume that "
                "`recon run` wrote"
            )
        try:
            told = Recipe.from_table(made["recipe"])
            recipe = attrs.evolve(told, metrics=(), properties=(), micrographs=None)
            if told.micrographs is not None and told.weights is None:
                raise ReconError("its recipe names micrographs and no weights")
            found = weights or _weights(path, recipe, made.get("weights_sha256"))
            recipe = attrs.evolve(recipe, weights=found, device=device or recipe.device)
            if stored["labels"].shape != recipe.shape:
                sides = " x ".join(map(str, stored["labels"].shape))
                raise ReconError(f"it is of {sides} voxels and its recipe of another shape")
        except ReconError as error:
            raise ReconError(f"{path} cannot be made again: {error}") from error
        phases = len(stored["phases"] or ())
        return cls(path, recipe, made, stored["labels"], phases)

    def anchor(self, text: str) -> Anchor:
        """A measured slice: the volume contains it voxel for voxel, whatever became of its file."""
        plane, place, _ = parse_anchor(text)
        where = (slice(None),) * NORMAL[plane] + (place,)
        return Anchor(plane, place, np.ascontiguousarray(self.labels[where], np.uint8))


@attrs.frozen
class Remade:
    """How a volume made again compares: voxels that differ, of how many, and what has changed."""

    differing: int
    voxels: int
    changes: list[str]


def remake(origin: Origin, folder: Folder, executor: Executor, progress: Progress) -> Remade:
    """Make a volume again as volume.zarr in a folder that is taken, and compare the two."""
    try:
        denoiser, digest = loaded(origin.recipe)
        executor.prepare(origin.recipe, denoiser, folder.path)
    except ReconError as error:
        raise ReconError(f"{origin.path} cannot be made again: {error}") from error
    folder.begin(origin.recipe, resume=folder.request() is not None)
    check_unchanged(folder, circumstances(origin.recipe, digest))
    recipe = resolved(_with_anchors(origin, folder), denoiser)
    order = Order(recipe, denoiser, digest, folder)
    order.note(0, measured={})
    made: Mapping[str, Any] = {}
    with _threads(origin.made.get("threads"), executor):
        results = contextlib.closing(executor.results(order, progress))
        with results as coming:
            for result in coming:
                match result:
                    case Made(_, volume, _, _, threads, device):
                        made = provenance(recipe, 0, origin.phases, digest, threads, device)
                        table = {**origin.made["recipe"]}
                        if recipe.weights is not None:
                            table["weights"] = recipe.weights
                        kept = made | {"recipe": table}
                        attrs.evolve(volume, provenance=kept).save(order.path(0))
                    case Failed(_, why):
                        raise why
    if not made:  # it was made before an interruption
        made = ome_zarr.read(order.path(0))["provenance"]
    again = ome_zarr.read(order.path(0))["labels"]
    differing = 0
    for low in range(0, recipe.shape[0], THICKNESS):
        part = slice(low, low + THICKNESS)
        differing += int(np.count_nonzero(origin.labels[part] != again[part]))
    folder.end()
    return Remade(differing, int(np.prod(recipe.shape)), _changes(origin, made))


def _weights(path: Path, recipe: Recipe, digest: Any) -> str | None:
    """Name or path of the weights: a path is relative to the volume's folder, and a file that is
    no longer where it was is looked for there."""
    given = recipe.weights
    if given is None or given in bundled(recipe.denoiser.name):
        return given
    places = [path.parent / given, path.parent / Path(given).name]
    for place in places:
        if place.is_file():
            return str(place)
    told = f", SHA-256 {digest}," if digest else ""
    raise ReconError(
        f"its weights {given}{told} are gone, and no {places[1].name} lies beside it; tell with "
        "--weights where they are"
    )


def _with_anchors(origin: Origin, folder: Folder) -> Recipe:
    """The recipe with its anchors in files again, taken from the volume."""
    anchors = []
    for number, text in enumerate(origin.recipe.anchors):
        anchor, file = origin.anchor(text), folder.state(f"anchor-{number}.npy")
        with atomic_output(file, replace=True) as partial, partial.open("wb") as stream:
            np.save(stream, anchor.labels)
        anchors.append(f"{anchor.name}={file}")
    return attrs.evolve(origin.recipe, anchors=tuple(anchors))


@contextlib.contextmanager
def _threads(number: Any, executor: Executor) -> Iterator[None]:
    """As many threads as the volume was made with, where this process makes it."""
    with keep_threads():
        if isinstance(executor, Local) and isinstance(number, int) and 1 <= number <= MOST_THREADS:
            torch.set_num_threads(number)
        yield


def _changes(origin: Origin, now: Mapping[str, Any]) -> list[str]:
    """What has changed since the volume was made, in words."""
    lines = changed(origin.made, now)
    told = origin.made.get("anchors_sha256")
    for text in origin.recipe.anchors:
        anchor = origin.anchor(text)
        if isinstance(told, Mapping) and told.get(anchor.name) != anchor.sha256:
            lines.append(f"the slice {anchor.name} in the file is not the anchor it was made with")
    return lines
