"""`recon` commands in processes forked from one that has imported it, so that starting takes
hundredths of a second and faults fall into the work.

No script: kill.py and surroundings.py start their commands here.
"""

import contextlib
import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "recon.cli",
        *(
            f"recon.cli.{name}"
            for name in ("run", "train", "import_", "measure", "export", "sweep")
        ),
        "recon.workflow.executors.tasks",
        "recon.workflow.executors.local_cluster",
        "recon.imaging.preview",
        "recon.plugins",
        "recon.plugins.denoisers.unet_ddpm",
        "recon.plugins.denoisers.gaussian",
        "recon.plugins.harmonizers.spectral",
        *(f"recon.plugins.exporters.{name}" for name in ("h5", "inp", "npy", "stl", "tif", "vti")),
        *(f"recon.plugins.metrics.{name}" for name in ("two_point", "lineal_path")),
        "recon.plugins.readers.npy",
        "recon.workflow.executors.in_slabs",
        *(f"recon.workflow.{name}" for name in ("conclude", "run", "sweep", "train")),
        "matplotlib.pyplot",
        "skimage.measure._marching_cubes_lewiner",
        "skimage.morphology",
        "skimage.transform",
        "h5py",
        "tifffile",
    ]
)
PROGRESS = re.compile(r": (\d+/\d+, .* left|done in )")


@attrs.frozen(eq=False)
class Running:
    """A command under way, the leader of a process group; `errors` holds its stderr."""

    process: Any
    errors: Path

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return not self.process.is_alive()

    def signal(self, number: int, group: bool = True) -> None:
        """Send a signal to all its processes, or to the first alone."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL to all its processes."""
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        self.process.join()

    def wait(self, seconds: float = 300) -> int:
        """Its exit code; one that hangs is killed, and that is an error."""
        self.process.join(seconds)
        if not self.ended:
            self.kill()
            raise TimeoutError(f"hung: {self.errors.read_text()}")
        code: int = self.process.exitcode
        return code

    @property
    def changes(self) -> int:
        """Removals, renamings and new folders so far."""
        return self.errors.with_suffix(".changes").stat().st_size

    def told(self) -> list[str]:
        """The lines on stderr that are no progress."""
        lines = self.errors.read_text().splitlines()
        return [line for line in lines if not PROGRESS.search(line)]


def start(
    arguments: Sequence[object],
    folder: Path,
    *,
    die_at: int | None = None,
    slabs: bool = False,
    before: Callable[[], None] | None = None,
) -> Running:
    """Start `recon ARGUMENTS` in a folder.

    die_at  SIGKILL to itself before so many removals, renamings and new folders have been made
    slabs   volumes are made in slabs on disk, however small
    before  called in the new process, to take something away from it; a function of a module
    """
    errors = folder.parent / f"{folder.name}.stderr"
    errors.unlink(missing_ok=True)
    words = [str(argument) for argument in arguments]
    process = CONTEXT.Process(target=_command, args=(words, folder, errors, die_at, slabs, before))
    process.start()
    until = time.monotonic() + 60
    while not errors.exists() and process.is_alive() and time.monotonic() < until:
        time.sleep(0.001)  # from then on it leads a group of its own
    return Running(process, errors)


def _command(
    words: list[str],
    folder: Path,
    errors: Path,
    die_at: int | None,
    slabs: bool,
    before: Callable[[], None] | None,
) -> None:
    from recon.cli import early, main

    os.setsid()
    early.listen()  # as the command does for itself
    os.chdir(folder)
    os.environ["OMP_NUM_THREADS"] = "1"
    _often_saved(slabs)
    _counted(errors.with_suffix(".changes"), die_at)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 2)
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    if before is not None:
        before()
    main(words, prog_name="recon")


def _often_saved(slabs: bool) -> None:
    """State is kept after every step, so that what is resumed is rarely the beginning."""
    import torch

    import recon.plugins.denoisers.training as training
    import recon.workflow.executors.in_slabs as in_slabs
    import recon.workflow.executors.local as local

    torch.set_num_threads(1)
    local.SAVE_EVERY = in_slabs.SAVE_EVERY = training.CHECKPOINT_SECONDS = 0.0
    if slabs:
        local.choose_thickness = lambda *_: 8  # type: ignore[assignment]


def _counted(file: Path, die_at: int | None) -> None:
    """Changes of folders by this process are counted in the length of a file."""
    count = 0
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def later(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            if count == die_at:
                os.killpg(0, signal.SIGKILL)
            count += 1
            os.write(descriptor, b".")
            return change(*arguments, **options)

        return later

    for name in ("replace", "rename", "unlink", "rmdir", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))
