"""The tasks of a run on a cluster, and what becomes of them."""

import uuid
import warnings
from collections import Counter
from typing import Any

import attrs
import dask
from distributed import Client, Future, KilledWorker, as_completed

from recon.core.data.volume import Volume
from recon.core.errors import ReconError
from recon.workflow.executors import Order, Progress, Sink
from recon.workflow.executors.parcel import PackedSample, Parcel
from recon.workflow.executors.worker import Unfit, measure, reconstruct

ATTEMPTS = 3
"""Times that a sample is sent to another worker because one lacked something."""


@attrs.frozen(eq=False)
class Tasks:
    """The tasks that are under way: key -> (sample, whether it is its reconstruction).

    Keys end in a token of this run, since a cluster takes tasks of one key for the same task.
    """

    client: Client
    order: Order
    sink: Sink
    progress: Progress
    token: str = attrs.field(init=False, factory=lambda: uuid.uuid4().hex[:8])
    pending: dict[str, tuple[int, bool]] = attrs.field(init=False, factory=dict)
    refused: Counter[int] = attrs.field(init=False, factory=Counter)
    failed: set[int] = attrs.field(init=False, factory=set)

    def execute(self) -> None:
        """Send all that is not done yet and keep what comes.

        When the client closes, the cluster drops what is left.
        """
        numbers = sorted({*self.order.unmade, *self.order.unmeasured})
        coming = as_completed(loop=self.client.loop)
        # In the graph and not scattered: when the workers that hold it die, it is sent again.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
            parcel = self.client.submit(
                _pass, Parcel.of(self.order.job, self.token), key=f"recipe-{self.token}"
            )
        # A task goes where what it needs is: everywhere, or one worker would get all the samples.
        parcel.exception()  # waits until it is there
        self.client.replicate([parcel])
        for number in numbers:
            coming.update(self._send(parcel, number))
        self._receive(coming, parcel)

    def _send(self, parcel: Future[Any], number: int) -> list[Future[Any]]:
        """The tasks of a sample; one that is made already is only measured."""
        ending = f"{number:03d}-{self.token}"
        if again := self.refused[number]:
            ending += f"-{again}"
        submit, futures = self.client.submit, []
        sample: Any
        if self.order.path(number).exists():
            volume = Volume.open(self.order.path(number))
            sample = PackedSample.of(volume, 0.0, "", 0, "")
        else:
            sample = submit(reconstruct, parcel, number, key=f"reconstruct-{ending}")
            futures.append(sample)
        futures.append(submit(measure, parcel, sample, key=f"measure-{ending}"))
        for future in futures:
            self.pending[future.key] = number, future is sample
        return futures

    def _receive(self, coming: as_completed, parcel: Future[Any]) -> None:
        total = self.order.samples
        made = total - len(self.order.unmade)
        counts = {True: made, False: total - len(self.order.unmeasured)}
        for future in coming:
            if future.key not in self.pending:
                continue
            number, making = self.pending.pop(future.key)
            if number in self.failed:
                continue
            answer = self._answer(future)
            if isinstance(answer, Unfit) and self.refused[number] < ATTEMPTS:
                coming.update(self._resend(parcel, number, answer))
                continue
            counts[making] += 1
            if isinstance(answer, PackedSample):
                self.sink.keep_sample(answer.unpack(number))
            elif isinstance(answer, dict):
                self.sink.keep_results(number, answer)
            else:
                self.failed.add(number)
                self.sink.keep_failure(number, explain_failure(answer))
            self.progress("reconstruct" if making else "measure", counts[making], total, "")

    def _answer(self, future: Future[Any]) -> Any:
        """What a task gave, or the exception that ended it."""
        if future.status == "cancelled":
            address = self.client.scheduler.address if self.client.scheduler else ""
            raise ReconError(
                f"the scheduler {address} is gone or has dropped the samples; continue the run "
                "with resume=True"
            )
        return future.exception() if future.status == "error" else future.result()

    def _resend(self, parcel: Future[Any], number: int, unfit: Unfit) -> list[Future[Any]]:
        """Let the worker leave, or it would fail every sample faster than others make them."""
        lacks = ", ".join(unfit.lacks)
        if unfit.address in self.client.scheduler_info(n_workers=-1)["workers"]:
            warnings.warn(f"worker {unfit.address} {lacks}; it was retired", stacklevel=2)
            self.client.retire_workers([unfit.address])
        self.refused[number] += 1
        for key in [key for key, (of, _) in self.pending.items() if of == number]:
            del self.pending[key]
        return self._send(parcel, number)


def _pass(parcel: Parcel) -> Parcel:
    return parcel


def explain_failure(answer: Any) -> BaseException:
    """Why a task gave no result."""
    if isinstance(answer, Unfit):
        lacks = ", ".join(answer.lacks)
        return ReconError(f"no fault of the sample: worker {answer.address} {lacks}")
    if isinstance(answer, KilledWorker):
        return ReconError(
            "every worker that tried it died, perhaps out of memory; see the workers' logs"
        )
    if isinstance(answer, ImportError) and str(answer.name).startswith("recon"):
        return ReconError(f"no fault of the sample: a worker that joined has no recon, {answer}")
    error: BaseException = answer
    return error
