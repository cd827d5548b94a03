"""What a worker of a Dask cluster does: it need not share a disk with who sends the work."""

import contextlib
import ctypes
import functools
import io
import os
import platform
import sys
import tempfile
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import numba
import numpy as np
import torch
from distributed import get_worker

from recon.core import weights
from recon.core.anchor_images import read_anchors
from recon.core.bundled import bundled
from recon.core.catalog import catalog
from recon.core.data.anchor import parse_anchor
from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.core.kinds import Denoiser
from recon.core.measure import measure_all
from recon.core.recipe import PATHS, Choice, Recipe
from recon.core.sampler import fitted, sample_steps, torch_device
from recon.core.sampling.threads import keep_threads
from recon.workflow.examples import EXAMPLES
from recon.workflow.executors import Order, Results
from recon.workflow.provenance import plugins, surroundings

_alone = threading.Lock()
"""A worker with several threads still makes one sample at a time: numba may not nest."""


@attrs.frozen
class Needs:
    """What a recipe needs of a worker; plain data, that an older recon can read too."""

    plugins: tuple[tuple[str, str], ...]
    weights: tuple[str, str] | None
    device: str

    @classmethod
    def of(cls, recipe: Recipe) -> "Needs":
        """Plugins, (denoiser, name) of bundled weights, device."""
        denoiser, name = recipe.denoiser.name, recipe.weights or next(iter(EXAMPLES))
        shipped = (denoiser, name) if name in bundled(denoiser) else None
        return cls(tuple(plugins(recipe)), shipped, recipe.device)


def facts(
    wanted: Sequence[tuple[str, str]], shipped: tuple[str, str] | None, device: str
) -> dict[str, Any]:
    """What this process has of what is needed; the fields are those of Needs.

    versions   of recon and of the packages of the plugins, by "package" or "kind name"
    roundings  versions that change no more than roundings
    """
    versions: dict[str, str | None] = {"microrecon": version("microrecon")}
    for kind, name in wanted:
        try:
            entry = catalog().entry(kind, name)
            versions[f"{kind} {name}"] = f"{entry.package} {entry.version}"
        except ReconError:
            versions[f"{kind} {name}"] = None
    if shipped is not None:
        try:
            path = bundled(shipped[0]).get(shipped[1])
        except ReconError:
            path = None
        digest = weights.read(path).sha256 if path is not None else None
        versions[f"weights {shipped[1]}"] = digest
    try:
        torch_device(device)
    except ReconError:
        versions[f"device {device}"] = None
    packages = {name: version(name) for name in ("torch", "numpy", "dask", "distributed")}
    return {
        "versions": versions,
        "roundings": {"python": platform.python_version(), **packages},
    }


@functools.lru_cache(maxsize=4)
def own_facts(needs: Needs) -> dict[str, Any]:
    """`facts`, once a process."""
    return facts(needs.plugins, needs.weights, needs.device)


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What a worker lacks or has otherwise, in words that complete "the worker ..."."""
    lines = []
    for name, want in expected["versions"].items():
        have = found["versions"].get(name)
        if have == want:
            continue
        if name.startswith("weights "):
            lines.append(f"{'has other' if have else 'lacks'} {name}")
        elif have is None:
            lines.append(f"lacks {name}" + (f" of {want}" if name != "microrecon" else f" {want}"))
        else:
            lines.append(f"has {name} {have} and not {want}")
    return lines + [f"lacks {name}" for name in found["versions"].keys() - expected["versions"]]


@attrs.frozen
class Parcel:
    """All that a worker needs for the samples of a run, equal to another of the same token.

    recipe    its paths name members of `files`
    files     name -> content: weights that are not bundled, anchors, tables of materials
    needs     of the recipe;  expected  facts of the process that sends it
    """

    token: str
    recipe: Recipe = attrs.field(eq=False)
    files: dict[str, bytes] = attrs.field(eq=False, repr=False)
    needs: Needs = attrs.field(eq=False, repr=False)
    expected: dict[str, Any] = attrs.field(eq=False, repr=False)

    @classmethod
    def of(cls, order: Order, token: str) -> "Parcel":
        """Pack the files that an order's recipe names."""
        recipe, needs = order.recipe, Needs.of(order.recipe)
        files: dict[str, bytes] = {}

        def packed(path: str) -> str:
            name = f"{len(files)}-{Path(path).name}"
            files[name] = Path(path).read_bytes()
            return name

        def choice(given: Choice) -> Choice:
            paths = {k: str(given.options[k]) for k in PATHS & given.options.keys()}
            moved = {k: packed(path) for k, path in paths.items() if Path(path).is_file()}
            return Choice(given.name, given.options | moved)

        phases = 2 if order.denoiser.material is None else len(order.denoiser.material.phases)
        anchors = []
        for number, anchor in enumerate(read_anchors(recipe.anchors, recipe.shape, phases)):
            name, content = f"anchor-{number}.npy", io.BytesIO()
            np.save(content, anchor.labels)
            files[name] = content.getvalue()
            anchors.append(f"{anchor.name}={name}")
        path = recipe.weights if recipe.weights and Path(recipe.weights).is_file() else None
        moved = attrs.evolve(
            recipe,
            micrographs=None,
            anchors=tuple(anchors),
            weights=packed(path) if path else recipe.weights,
            metrics=tuple(map(choice, recipe.metrics)),
            properties=tuple(map(choice, recipe.properties)),
        )
        return cls(token, moved, files, needs, own_facts(needs))


@attrs.frozen(eq=False)
class Unpacked:
    """A parcel on a worker; `folder` holds its files until the worker ends or gets another."""

    folder: "tempfile.TemporaryDirectory[str]"
    recipe: Recipe
    denoiser: Denoiser


@functools.lru_cache(maxsize=1)
def unpacked(parcel: Parcel) -> Unpacked:
    """The parcel's files written, and its denoiser loaded: once a process."""
    _pages_kept()
    folder = tempfile.TemporaryDirectory(dir=get_worker().local_directory)
    for name, content in parcel.files.items():
        Path(folder.name, name).write_bytes(content)

    def placed(name: Any) -> Any:
        return str(Path(folder.name, name)) if name in parcel.files else name

    def choice(given: Choice) -> Choice:
        options = {k: placed(v) if k in PATHS else v for k, v in given.options.items()}
        return Choice(given.name, options)

    anchors = [parse_anchor(anchor) for anchor in parcel.recipe.anchors]
    recipe = attrs.evolve(
        parcel.recipe,
        weights=placed(parcel.recipe.weights),
        anchors=tuple(f"{plane}:{place}={placed(name)}" for plane, place, name in anchors),
        metrics=tuple(map(choice, parcel.recipe.metrics)),
        properties=tuple(map(choice, parcel.recipe.properties)),
    )
    return Unpacked(folder, recipe, fitted(recipe))


@attrs.frozen(eq=False)
class Packed:
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
    def of(cls, volume: Volume, seconds: float, worker: str, threads: int, device: str) -> "Packed":
        """Compress."""
        labels = zlib.compress(volume.labels.tobytes(), 1)
        size, phases = volume.voxel_size, volume.phases
        return cls(labels, volume.shape, size, phases, seconds, worker, threads, device)

    @property
    def volume(self) -> Volume:
        """Decompress."""
        labels = np.frombuffer(zlib.decompress(self.labels), np.uint8).reshape(self.shape)
        return Volume(labels, self.voxel_size, self.phases)


@attrs.frozen
class Unfit:
    """The answer of a worker that joined late and lacks something: no fault of the sample."""

    address: str
    lacks: list[str]


def reconstructed(parcel: Parcel, number: int) -> Packed | Unfit:
    """The task reconstruct-NNN."""
    if unfit := _unfit(parcel):
        return unfit
    with _alone:
        here = unpacked(parcel)
        begun = time.monotonic()
        states = sample_steps(here.recipe, sample=number, denoiser=here.denoiser)
        state = deque(states, maxlen=1).pop()
        seconds = time.monotonic() - begun
        name = str(get_worker().name)
        return Packed.of(state.volume, seconds, name, *surroundings(here.recipe.device))


def measured(parcel: Parcel, sample: Packed | Unfit) -> Results | Unfit:
    """The task measure-NNN."""
    if isinstance(sample, Unfit):
        return sample
    if unfit := _unfit(parcel):
        return unfit
    with _alone, _own_threads():
        recipe = unpacked(parcel).recipe
        return measure_all(sample.volume, recipe.metrics, recipe.properties)


@contextlib.contextmanager
def _own_threads() -> Iterator[None]:
    """As many threads for numba as for torch; numba's would become torch's too, by OpenMP."""
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    with keep_threads():
        numba.set_num_threads(min(torch.get_num_threads(), most))
        yield


def _pages_kept() -> None:
    """Let glibc keep the memory of tensors again.

    Dask starts workers with a MALLOC_TRIM_THRESHOLD_ at which every tensor is made of new pages:
    samples then take several times as long.
    """
    if sys.platform != "linux" or "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        return
    trim_threshold, mmap_threshold = -1, -3  # malloc.h
    with contextlib.suppress(AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(trim_threshold, 2**30)
        mallopt(mmap_threshold, 2**25)  # the largest that glibc takes


def _unfit(parcel: Parcel) -> Unfit | None:
    lacks = differences(parcel.expected, own_facts(parcel.needs))
    return Unfit(get_worker().address, lacks) if lacks else None
