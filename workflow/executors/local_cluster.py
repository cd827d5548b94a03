"""A Dask cluster of processes of this machine, that ends with the run."""

import contextlib
import logging
import os
import signal
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import Any

import dask
from dask.system import CPU_COUNT
from distributed import LocalCluster

from recon.core.errors import ReconError

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
ENVIRONMENT = "distributed.nanny.pre-spawn-environ"


def share_cores(workers: int | None, samples: int, on_cpu: bool) -> tuple[int, int]:
    """How many workers, and threads of each: together no more than the cores.

    OMP_NUM_THREADS, when it is set, is the threads of each, as it is without Dask.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    threads = int(first) if first.isdigit() and int(first) > 0 else None
    wanted = max(1, CPU_COUNT // (threads or 1)) if on_cpu else 1
    count = workers or min(samples, wanted)
    return count, threads or max(1, CPU_COUNT // count)


@contextlib.contextmanager
def start_local_cluster(workers: int, threads: int) -> Iterator[LocalCluster]:
    """Workers that are processes, each for one sample at a time."""
    environment = {
        **dask.config.get(ENVIRONMENT),
        **dict.fromkeys(THREADS, str(threads)),
        "DASK_LOGGING__DISTRIBUTED": "critical",
        "PYTHONWARNINGS": "ignore",  # what is worth a warning is in the results
    }
    with contextlib.ExitStack() as stack:
        stack.callback(_restore, dict(os.environ))  # a nanny sets its worker's in this process
        stack.enter_context(dask.config.set({ENVIRONMENT: environment}))
        with _block_interrupts(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Port .* is already in use")
            cluster = _start_cluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=0,  # a sample that needs more fails as it would without Dask
                silence_logs=logging.CRITICAL,
                dashboard_address="127.0.0.1:8787" if find_spec("bokeh") else None,
            )
        stack.enter_context(cluster)
        yield cluster


def _start_cluster(**options: Any) -> LocalCluster:
    """The cluster; Dask starts a worker that dies anew, but not one that dies while it starts."""
    try:
        return LocalCluster(**options)
    except RuntimeError as error:
        raise ReconError(
            "a worker died while it was starting, perhaps out of memory; try again (resume=True), "
            f"if necessary with fewer than workers={options['n_workers']}"
        ) from error


@contextlib.contextmanager
def _block_interrupts() -> Iterator[None]:
    """Ctrl-C is for this thread alone, once the block has ended.

    Threads and processes inherit the mask in which they were started, and a terminal sends the
    signal to all processes: workers would die of it with a traceback each.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting it later would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _restore(environment: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(environment)
