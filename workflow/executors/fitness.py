"""Whether the workers of a cluster have what a recipe needs, asked before any task is sent."""

import platform
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

import attrs

from recon.core.errors import ReconError
from recon.core.recipe import Recipe
from recon.workflow.executors.worker import Needs, differences, facts, own_facts

if TYPE_CHECKING:
    from distributed import Client

NAMED = 3
"""Workers that are named one by one."""


def check_workers(client: "Client", recipe: Recipe) -> None:
    """ReconError that names workers and what they lack; a warning where only roundings differ."""
    from distributed.comm.core import CommClosedError

    needs = Needs.of(recipe)
    expected = own_facts(needs)
    # Plain data only: a worker with another recon must be able to read the question.
    answers = client.run(facts, *attrs.astuple(needs, recurse=False), on_error="return")
    lacking, rounding = {}, {}
    for worker, found in answers.items():
        if isinstance(found, CommClosedError):
            continue  # it died: another takes its place, and is asked when it gets a sample
        if isinstance(found, BaseException):
            lacking[worker] = f"cannot run recon {version('microrecon')}: {_line(found)}"
        elif lacks := differences(expected, found):
            lacking[worker] = ", ".join(lacks)
        else:
            other = {k: v for k, v in found["roundings"].items() if v != expected["roundings"][k]}
            if other:
                rounding[worker] = ", ".join(f"{k} {v}" for k, v in other.items())
    if lacking:
        raise ReconError(
            f"{_grouped(lacking)}; make its environment that of {platform.node()} and start it "
            "again, no sample has been tried"
        )
    if rounding:
        warnings.warn(
            f"{_grouped(rounding, 'has ')}, unlike here: volumes may differ by roundings",
            stacklevel=2,
        )
    several = {w: i["nthreads"] for w, i in client.scheduler_info(n_workers=-1)["workers"].items()}
    idle = {w: f"has {n} threads" for w, n in several.items() if n > 1}
    if idle:
        warnings.warn(
            f"{_grouped(idle)} and makes one sample at a time all the same; start workers with "
            "--nthreads 1, and OMP_NUM_THREADS for the threads of a sample",
            stacklevel=2,
        )


def _grouped(said: Mapping[str, str], verb: str = "") -> str:
    """What is said of workers in one line: the same of many is said once."""
    parts = []
    for line in dict.fromkeys(said.values()):
        workers = [worker for worker, other in said.items() if other == line]
        named = ", ".join(workers[:NAMED])
        more = f" and {len(workers) - NAMED} more" if len(workers) > NAMED else ""
        parts.append(f"worker {named}{more} {verb}{line}")
    return "; ".join(parts)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
