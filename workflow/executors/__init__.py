"""Where the samples of a run are made: one after the other in this process, or on Dask.

An executor is given an Order and yields what becomes of its samples as it comes; it writes no
results. It is no kind of plugin: there are few engines, and each must keep the same promises.
"""

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Protocol

import attrs
import xarray as xr

from recon.core.data.volume import Volume
from recon.core.kinds import Denoiser
from recon.core.recipe import Recipe
from recon.core.storage.atomic import atomic_output
from recon.core.storage.streamed import StreamedVolume
from recon.workflow.folder import Folder

Progress = Callable[[str, int, int, str], None]
"""Called with what is being done, steps done, steps in all and a word on the state."""

Results = dict[str, xr.DataArray | xr.Dataset]


@attrs.frozen(eq=False)
class Made:
    """A sample is reconstructed.

    seconds  it took;  worker  where;  threads  of torch and  device  there, which roundings
    depend on
    """

    number: int
    volume: Volume | StreamedVolume
    seconds: float
    worker: str
    threads: int
    device: str


@attrs.frozen(eq=False)
class Measured:
    """The statistics and properties of a sample."""

    number: int
    results: Results


@attrs.frozen(eq=False)
class Failed:
    """A sample that could not be made or measured; the others go on."""

    number: int
    error: BaseException


Result = Made | Measured | Failed


@attrs.frozen(eq=False)
class Order:
    """The samples of a run, and its folder, which knows those that are done.

    recipe    resolved, with paths that hold from anywhere
    denoiser  fitted;  digest  SHA-256 of its weights, None when it has none
    """

    recipe: Recipe
    denoiser: Denoiser
    digest: str | None
    folder: Folder

    def path(self, number: int) -> Path:
        """File of a sample's volume."""
        single = self.recipe.samples == 1
        return self.folder.path / ("volume.zarr" if single else f"{number:03d}.zarr")

    def unmade(self) -> list[int]:
        """Samples without a volume."""
        return [n for n in range(self.recipe.samples) if not self.path(n).exists()]

    def unmeasured(self) -> list[int]:
        """Samples that are still to be measured, whether they are made or not."""
        return [n for n in range(self.recipe.samples) if "measured" not in self.known(n)]

    def known(self, number: int) -> dict[str, Any]:
        """What was noted of a sample."""
        path = self._notes(number)
        return json.loads(path.read_text()) if path.exists() else {}

    def note(self, number: int, **facts: Any) -> None:
        """Keep facts of a sample, as JSON, until the run ends."""
        with atomic_output(self._notes(number), replace=True) as partial:
            partial.write_text(json.dumps(self.known(number) | facts, default=float))

    def _notes(self, number: int) -> Path:
        return self.folder.state(f"{self.path(number).stem}.json")


class Executor(Protocol):
    """Makes and measures samples.

    memory  bytes that this process may take; None: what is available
    """

    @property
    def memory(self) -> int | None: ...

    def check(self, recipe: Recipe) -> None:
        """ReconError when it cannot do what the recipe asks for; before any work is done."""

    def prepare(self, recipe: Recipe, denoiser: Denoiser, folder: Path) -> None:
        """ReconError when memory or disk are too small; before the folder is written to."""

    def results(self, order: Order, progress: Progress) -> Generator[Result, None, None]:
        """Made for each sample without a volume, Measured for each not measured yet, or Failed.

        The volume of a Made is in its file when the next result is asked for.
        """
