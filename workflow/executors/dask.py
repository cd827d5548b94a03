"""Samples as tasks of dask.distributed: on processes of this machine or on a running cluster."""

import contextlib
import importlib.metadata
import logging
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from recon.core.errors import ReconError
from recon.core.job import Job
from recon.core.recipe import Recipe
from recon.core.sampling.device import resolve_device
from recon.workflow.executors import Order, Progress, Sink

if TYPE_CHECKING:
    from distributed import Client

FIRST_WORKER = 60.0
"""Seconds to wait for a worker of a running cluster when their number is not given."""


def check_installed() -> None:
    """ReconError without dask.distributed."""
    if find_spec("distributed") is None:
        raise ReconError("executor dask needs dask.distributed: pip install 'microrecon[scale]'")


@attrs.frozen
class Dask:
    """Two tasks a sample, reconstruct-NNN and measure-NNN, in one graph.

    scheduler  address or file of a running cluster's; a cluster of processes here when not given
    workers    processes here, or how many workers of a running cluster to wait for
    tell       called with a line that the user may want to see
    """

    scheduler: str | None = None
    workers: int | None = None
    tell: Callable[[str], None] = lambda line: None
    memory: None = None

    def __attrs_post_init__(self) -> None:
        check_installed()

    def check(self, recipe: Recipe) -> None:
        """That a running cluster is there, and that its workers have what the recipe needs."""
        if self.scheduler is not None:
            with self._connect(recipe):
                pass

    def prepare(self, job: Job, folder: Path) -> None:
        """Nothing: each worker has a memory of its own."""

    def execute(self, order: Order, sink: Sink, progress: Progress) -> None:
        """Samples as they come; the cluster, if it is one of this machine, lives as long."""
        if not order.unmade and not order.unmeasured:
            return
        from recon.workflow.executors.tasks import Tasks

        with self._connect(order.job.recipe) as client:
            if link := find_dashboard(client):
                self.tell(f"dashboard: {link}")
            Tasks(client, order, sink, progress).execute()

    @contextlib.contextmanager
    def _connect(self, recipe: Recipe) -> Iterator["Client"]:
        """A client of a cluster whose workers have been looked at."""
        from distributed import Client
        from distributed.versions import VersionMismatchWarning

        from recon.workflow.executors.fitness import check_workers
        from recon.workflow.executors.local_cluster import share_cores, start_local_cluster

        with contextlib.ExitStack() as stack:
            stack.enter_context(silence())
            source: dict[str, Any] = {}
            if self.scheduler is None:
                on_cpu = resolve_device(recipe.device) == "cpu"
                workers, threads = share_cores(self.workers, recipe.samples, on_cpu)
                source["address"] = stack.enter_context(start_local_cluster(workers, threads))
            elif Path(self.scheduler).is_file():
                source["scheduler_file"] = self.scheduler
            else:
                source["address"] = self.scheduler
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", VersionMismatchWarning)  # ours says it in a line
                try:
                    client = stack.enter_context(Client(**source, set_as_default=False))
                except (OSError, ValueError) as error:
                    raise ReconError(
                        f"cannot reach the scheduler {self.scheduler}: {error}; start one with "
                        "`dask scheduler`, or leave scheduler= out"
                    ) from None
            if self.scheduler is not None:
                self._wait(client)
            check_workers(client, recipe)
            yield client

    def _wait(self, client: "Client") -> None:
        present = len(client.scheduler_info(n_workers=-1)["workers"])
        if present >= (self.workers or 1):
            return
        if self.workers is not None:
            self.tell(f"{present} of {self.workers} workers are there; waiting for the others")
        try:
            client.wait_for_workers(self.workers or 1, None if self.workers else FIRST_WORKER)
        except TimeoutError:
            raise ReconError(
                f"the scheduler {self.scheduler} has no worker; start some with `dask worker "
                "ADDRESS --nthreads 1`, or wait for N of them with workers=N"
            ) from None


def find_dashboard(client: "Client") -> str | None:
    """Link of the page that shows tasks and workers, where the scheduler has what it needs."""
    with contextlib.suppress(Exception):  # it is no more than a convenience
        client.run_on_scheduler(importlib.metadata.version, "bokeh")
        return str(client.dashboard_link)
    return None


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Dask tells of every connection that ends; what a user can act upon, recon tells."""
    with contextlib.ExitStack() as stack:
        speakers: list[logging.Handler | logging.Logger] = [logging.getLogger("asyncio")]
        for speaker in (*speakers, *logging.getLogger("distributed").handlers):
            stack.callback(speaker.setLevel, speaker.level)
            speaker.setLevel(logging.CRITICAL + 1)
        try:
            yield
        except KeyboardInterrupt:  # what Dask says of its workers' end may come after ours
            stack.pop_all()
            raise
