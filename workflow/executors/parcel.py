"""What travels between a run and the workers of a Dask cluster, which need not share a disk."""

import functools
import hashlib
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from distributed import get_worker

from recon.core.data.anchor import Anchor
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.job import Job, resolve
from recon.core.recipe import LISTS, PATHS, TABLES, Choice, Recipe
from recon.workflow.executors import Sample
from recon.workflow.executors.fitness import Needs, collect_own_facts


@attrs.frozen
class Parcel:
    """All that a worker needs for the samples of a job, equal to another of the same token.

    recipe    its paths name members of `files`
    files     name -> content: weights that are not bundled, tables of materials
    anchors   as they were read
    needs     of the recipe;  expected  facts of the process that sends it
    """

    token: str
    recipe: Recipe = attrs.field(eq=False)
    files: dict[str, bytes] = attrs.field(eq=False, repr=False)
    anchors: tuple[Anchor, ...] = attrs.field(eq=False, repr=False)
    needs: Needs = attrs.field(eq=False, repr=False)
    expected: dict[str, Any] = attrs.field(eq=False, repr=False)

    @classmethod
    def of(cls, job: Job, token: str) -> "Parcel":
        """Pack the files that a job's recipe names."""
        files: dict[str, bytes] = {}

        def pack(path: str) -> str:
            name = f"{len(files)}-{Path(path).name}"
            files[name] = Path(path).read_bytes()
            return name

        recipe = map_paths(job.recipe, lambda path: pack(path) if Path(path).is_file() else path)
        content = files.get(recipe.weights or "")
        if content is not None and hashlib.sha256(content).hexdigest() != job.weights_sha256:
            raise ReconError(f"weights {job.recipe.weights} have changed since they were read")
        needs = Needs.of(job.recipe)
        recipe = attrs.evolve(recipe, micrographs=None)
        return cls(token, recipe, files, job.anchors, needs, collect_own_facts(needs))


@attrs.frozen(eq=False)
class Unpacked:
    """A parcel on a worker; `folder` holds its files until the worker ends or gets another."""

    folder: "tempfile.TemporaryDirectory[str]"
    job: Job


@functools.lru_cache(maxsize=1)
def unpack(parcel: Parcel) -> Unpacked:
    """The parcel's files written, and its recipe resolved: once a process."""
    folder = tempfile.TemporaryDirectory(dir=get_worker().local_directory)
    for name, content in parcel.files.items():
        Path(folder.name, name).write_bytes(content)

    def place(name: str) -> str:
        return str(Path(folder.name, name)) if name in parcel.files else name

    recipe = map_paths(parcel.recipe, place)
    return Unpacked(folder, resolve(recipe, anchors=parcel.anchors))


def map_paths(recipe: Recipe, change: Callable[[str], str]) -> Recipe:
    """The recipe with its weights and the options that may be paths changed."""

    def map_choice(choice: Choice) -> Choice:
        paths = {k: change(str(choice.options[k])) for k in PATHS & choice.options.keys()}
        return Choice(choice.name, choice.options | paths)

    changed: dict[str, Any] = {kind: map_choice(getattr(recipe, kind)) for kind in TABLES}
    for kind, member in LISTS.items():
        changed[member] = tuple(map(map_choice, recipe.choices(kind)))
    return attrs.evolve(recipe, weights=recipe.weights and change(recipe.weights), **changed)


@attrs.frozen(eq=False)
class PackedSample:
    """A reconstructed sample on its way: labels compressed."""

    labels: bytes = attrs.field(repr=False)
    shape: tuple[int, int, int]
    voxel_size: tuple[float, float, float]
    phases: tuple[str, ...]
    seconds: float
    worker: str
    threads: int
    device: str

    @classmethod
    def of(
        cls, volume: Volume, seconds: float, worker: str, threads: int, device: str
    ) -> "PackedSample":
        """Compress."""
        labels = zlib.compress(volume.labels.tobytes(), 1)
        size, phases = volume.voxel_size, volume.phases
        return cls(labels, volume.shape, size, phases, seconds, worker, threads, device)

    @property
    def volume(self) -> Volume:
        """Decompress."""
        labels = np.frombuffer(zlib.decompress(self.labels), np.uint8).reshape(self.shape)
        return Volume(labels, self.voxel_size, self.phases)

    def unpack(self, number: int) -> Sample:
        """As the run takes it."""
        facts = self.seconds, self.worker, self.threads, self.device
        return Sample(number, self.volume, *facts)
