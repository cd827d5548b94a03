"""Whether the workers of a cluster have what a recipe needs, asked before any task is sent."""

import functools
import platform
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import attrs

from recon.core import weights
from recon.core.bundled import list_bundled
from recon.core.catalog import catalog
from recon.core.errors import ReconError
from recon.core.recipe import Recipe
from recon.core.sampling.device import resolve_device
from recon.workflow.examples import EXAMPLES

if TYPE_CHECKING:
    from distributed import Client

NAMED = 3
"""Workers that are named one by one."""


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
        shipped = (denoiser, name) if name in list_bundled(denoiser) else None
        return cls(tuple((k, c.name) for k, c in recipe.plugins()), shipped, recipe.device)


def collect_facts(
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
            path = list_bundled(shipped[0]).get(shipped[1])
        except ReconError:
            path = None
        digest = weights.read(path).sha256 if path is not None else None
        versions[f"weights {shipped[1]}"] = digest
    try:
        resolve_device(device)
    except ReconError:
        versions[f"device {device}"] = None
    packages = {name: version(name) for name in ("torch", "numpy", "dask", "distributed")}
    return {
        "versions": versions,
        "roundings": {"python": platform.python_version(), **packages},
    }


@functools.lru_cache(maxsize=4)
def collect_own_facts(needs: Needs) -> dict[str, Any]:
    """`collect_facts`, once a process."""
    return collect_facts(needs.plugins, needs.weights, needs.device)


def list_differences(expected: dict[str, Any], actual: dict[str, Any]) -> list[str]:
    """What a worker lacks or has otherwise, in words that complete "the worker ..."."""
    lines = []
    for name, want in expected["versions"].items():
        have = actual["versions"].get(name)
        if have == want:
            continue
        if name.startswith("weights "):
            lines.append(f"{'has other' if have else 'lacks'} {name}")
        elif have is None:
            lines.append(f"lacks {name}" + (f" of {want}" if name != "microrecon" else f" {want}"))
        else:
            lines.append(f"has {name} {have} and not {want}")
    return lines + [f"lacks {name}" for name in actual["versions"].keys() - expected["versions"]]


def check_workers(client: "Client", recipe: Recipe) -> None:
    """ReconError that names workers and what they lack; a warning where only roundings differ."""
    from distributed.comm.core import CommClosedError

    needs = Needs.of(recipe)
    expected = collect_own_facts(needs)
    # Plain data only: a worker with another recon must be able to read the question.
    answers = client.run(collect_facts, *attrs.astuple(needs, recurse=False), on_error="return")
    lacking, rounding = {}, {}
    for worker, actual in answers.items():
        if isinstance(actual, CommClosedError):
            continue  # it died: another takes its place, and is asked when it gets a sample
        if isinstance(actual, BaseException):
            lacking[worker] = f"cannot run recon {version('microrecon')}: {_format_error(actual)}"
        elif lacks := list_differences(expected, actual):
            lacking[worker] = ", ".join(lacks)
        else:
            other = {k: v for k, v in actual["roundings"].items() if v != expected["roundings"][k]}
            if other:
                rounding[worker] = ", ".join(f"{k} {v}" for k, v in other.items())
    if lacking:
        raise ReconError(
            f"{_group(lacking)}; make its environment that of {platform.node()} and start it "
            "again, no sample has been tried"
        )
    if rounding:
        warnings.warn(
            f"{_group(rounding, 'has ')}, unlike this process: voxels may differ by rounding",
            stacklevel=2,
        )
    several = {w: i["nthreads"] for w, i in client.scheduler_info(n_workers=-1)["workers"].items()}
    idle = {w: f"has {n} threads" for w, n in several.items() if n > 1}
    if idle:
        warnings.warn(
            f"{_group(idle)} but makes only one sample at a time; start workers with "
            "--nthreads 1, and set the threads of a sample by OMP_NUM_THREADS",
            stacklevel=2,
        )


def _group(remarks: Mapping[str, str], verb: str = "") -> str:
    """Remarks on workers in one line: the same on many is made once."""
    parts = []
    for line in dict.fromkeys(remarks.values()):
        workers = [worker for worker, other in remarks.items() if other == line]
        named = ", ".join(workers[:NAMED])
        more = f" and {len(workers) - NAMED} more" if len(workers) > NAMED else ""
        parts.append(f"worker {named}{more} {verb}{line}")
    return "; ".join(parts)


def _format_error(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
