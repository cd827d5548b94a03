"""Where the samples of a run are made: in this process, over several, or on Dask.

An executor is given an Order and a Sink, and writes no results itself. It is no kind of plugin:
there are few engines, and each must keep the same promises.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import attrs

from recon.core.data.volume import Volume
from recon.core.job import Job
from recon.core.recipe import Recipe
from recon.workflow.executors.order import Order as Order
from recon.workflow.executors.streamed import StreamedVolume
from recon.workflow.results import Results

Progress = Callable[[str, int, int, str], None]
"""Called with what is being done, steps done, steps in all and a word on the state."""


@attrs.frozen(eq=False)
class Sample:
    """A reconstructed sample.

    seconds  it took;  worker  where;  threads  of torch and  device  there, which roundings
    depend on
    """

    number: int
    volume: Volume | StreamedVolume
    seconds: float
    worker: str
    threads: int
    device: str


class Sink(Protocol):
    """Keeps what becomes of samples: it is in its file when the call returns."""

    def keep_sample(self, sample: Sample) -> None:
        """A sample is reconstructed."""

    def keep_results(self, number: int, results: Results) -> None:
        """The statistics and properties of a sample."""

    def keep_failure(self, number: int, error: BaseException) -> None:
        """A sample could not be made or measured; the others continue."""


class Executor(Protocol):
    """Makes and measures samples.

    memory  bytes that this process may take; None: what is available
    """

    @property
    def memory(self) -> int | None: ...

    def check(self, recipe: Recipe) -> None:
        """ReconError when it cannot do what the recipe asks for; before any file is read."""

    def prepare(self, job: Job, folder: Path) -> None:
        """ReconError when memory or disk are too small; before the folder is written to."""

    def execute(self, order: Order, sink: Sink, progress: Progress) -> None:
        """Make each sample that has no volume, then measure each that is not measured yet."""
