"""`recon run --from VOLUME`: a volume reproduced from its metadata, and compared."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
from click.core import ParameterSource

from recon.cli.fail_on import Failed
from recon.core.errors import ReconError
from recon.workflow.executors import Executor
from recon.workflow.folder import Folder
from recon.workflow.progress import ProgressDisplay
from recon.workflow.reproduce import Origin, Reproduction, reproduce

ALLOWED = {"source", "out", "weights", "device", "executor", "scheduler", "workers", "memory"}
"""Parameters of `run` that say where and not what; `resume` goes with `out`."""


def refuse_others(context: click.Context) -> None:
    """ReconError for what --from leaves no room for."""
    allowed = ALLOWED | ({"resume"} if context.params["out"] is not None else set())
    for param in context.command.params:
        name = param.name or ""
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if typed and param.expose_value and name not in allowed:
            shown = param.opts[0] if isinstance(param, click.Option) else param.human_readable_name
            raise ReconError(
                f"--from reproduces a volume by its own recipe, got {shown} too; leave it out"
            )


def reproduce_volume(
    source: Path,
    out: Path | None,
    resume: bool,
    weights: str | None,
    device: str | None,
    executor: Executor,
) -> None:
    """Tell whether the labels are identical; exit code 1 when they are not."""
    origin = Origin.read(source, weights, device)
    executor.check(origin.recipe)
    with _lock_folder(out, resume) as folder, ProgressDisplay() as progress:
        result = reproduce(origin, folder, executor, progress)
    if result.differing:
        raise Failed(f"{source}: {_describe_difference(result)}")
    click.echo(f"{source}: identical, all {result.voxels} voxels, seed {origin.recipe.seed}")
    if result.changes:
        click.echo(f"changed since then, without effect: {'; '.join(result.changes)}")


def _describe_difference(result: Reproduction) -> str:
    share = 100 * result.differing / result.voxels
    changes = "; ".join(result.changes) or (
        "nothing that its metadata records, so it was altered later or made on another machine"
    )
    return (
        f"{result.differing} of {result.voxels} voxels differ ({share:.3g} %); changed: {changes}"
    )


@contextlib.contextmanager
def _lock_folder(out: Path | None, resume: bool) -> Iterator[Folder]:
    """The folder to make it in, taken: --out, or one that goes when it is compared."""
    with contextlib.ExitStack() as stack:
        if out is None:
            out = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recon-")))
        folder = Folder(out)
        stack.enter_context(folder.lock())
        if folder.read_request() is not None and not resume:
            raise ReconError(f"{out} holds an unfinished run; --resume continues it")
        yield folder
