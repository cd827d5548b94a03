"""The folder of a run: taken by one process at a time, and resumable."""

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from safetensors import SafetensorError, safe_open

from recon.core.errors import ReconError
from recon.core.recipe import Recipe
from recon.core.storage.atomic import atomic_output, remove
from recon.core.storage.lock import exclusive_lock

if TYPE_CHECKING:
    from torch import Tensor

STATE = ".state"
GONE = ".state.gone"
"""The state that is no longer needed, on its way out."""
MEASUREMENTS = "measurements.json"
REPORT = "report.html"


def find_free_name(stem: str) -> Path:
    """The stem, or the first of stem-2, stem-3, ... that is not taken."""
    path, number = Path(stem), 1
    while path.exists():
        number += 1
        path = Path(f"{stem}-{number}")
    return path


@attrs.frozen
class Folder:
    """Outputs of a run under final names, and under .state what a run needs until its end."""

    path: Path

    @property
    def finished(self) -> bool:
        """Whether the run that began here has ended."""
        return (self.path / MEASUREMENTS).exists() and not (self.path / STATE).exists()

    def begin(self, recipe: Recipe, resume: bool) -> None:
        """Note what was asked for; ReconError when the folder holds something else."""
        request = self.path / STATE / "request.json"
        table = recipe.to_table()
        if request.exists():
            begun = json.loads(request.read_text())
            if not resume:
                raise ReconError(f"{self.path} holds an unfinished run; resume=True continues it")
            if begun != table:
                changed = sorted(k for k in begun | table if begun.get(k) != table.get(k))
                raise ReconError(
                    f"{self.path} holds an unfinished run that differs in {', '.join(changed)}; "
                    "resume with the same settings or choose another out="
                )
            return
        if any(child.name != STATE for child in self.path.iterdir()):
            raise ReconError(f"{self.path} holds something already; choose another out=")
        with atomic_output(request) as partial:
            partial.write_text(json.dumps(table))

    def read_request(self) -> Recipe | None:
        """What the unfinished run here was asked for."""
        request = self.path / STATE / "request.json"
        return Recipe.from_table(json.loads(request.read_text())) if request.exists() else None

    def state(self, name: str) -> Path:
        """A file of the unfinished run."""
        return self.path / STATE / name

    def end(self) -> None:
        """Forget the state, all at once; from here on the run is finished."""
        gone = self.path / GONE
        remove(gone)
        with contextlib.suppress(OSError):
            os.replace(self.path / STATE, gone)
        remove(gone)

    def save_field(self, name: str, done: int, x: "Tensor") -> None:
        """Keep the field of an unfinished sample after some steps."""
        from safetensors.torch import save

        with atomic_output(self.state(name), replace=True) as partial:
            partial.write_bytes(save({"x": x.cpu().contiguous()}, {"done": str(done)}))

    def load_field(self, name: str, device: str) -> "tuple[int, Tensor] | None":
        """The field kept last, and after how many steps; None when there is none."""
        path = self.state(name)
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt", device=device) as file:
                return int(file.metadata()["done"]), file.get_tensor("x")
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ReconError(f"{path} is damaged: {error}; remove it to start over") from None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes out: the lock dies with this one.

        A folder that was made for it and stays empty is removed.
        """
        made = not self.path.exists()
        with contextlib.ExitStack() as stack:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                make = functools.partial(self.path.mkdir, exist_ok=True)
                beside = self.path.with_name(f".{self.path.name}.lock")
                stack.enter_context(exclusive_lock(self.path, make, beside))
            except BlockingIOError:
                message = f"{self.path} is in use by another run; wait or choose another out="
                raise ReconError(message) from None
            except OSError as error:
                message = f"cannot write {self.path}: {error.strerror}; choose another out="
                raise ReconError(message) from None
            if not os.access(self.path, os.W_OK):
                raise ReconError(f"cannot write {self.path}: not permitted; choose another out=")
            remove(self.path / GONE)
            try:
                yield
            finally:
                if made and not any(self.path.iterdir()):
                    self.path.rmdir()
