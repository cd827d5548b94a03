"""`recon run --from VOLUME`: a volume made again from itself, and compared."""

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
from recon.workflow.reproduce import Origin, Remade, remake

ALLOWED = {"source", "out", "weights", "device", "executor", "scheduler", "workers", "memory"}
"""Parameters of `run` that say where and not what; `resume` goes with `out`."""


def refuse_others(context: click.Context) -> None:
    """ReconError for what --from leaves no room for."""
    allowed = ALLOWED | ({"resume"} if context.params["out"] is not None else set())
    for param in context.command.params:
        name = param.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and param.expose_value and name not in allowed:
            shown = param.opts[0] if isinstance(param, click.Option) else param.human_readable_name
            raise ReconError(
                f"--from makes a volume again as its own file says, got {shown} too; leave it out"
            )


def again(
    source: Path,
    out: Path | None,
    resume: bool,
    weights: str | None,
    device: str | None,
    executor: Executor,
) -> None:
    """Tell whether the labels are identical; exit code 1 when they are not."""
    origin = Origin.of(source, weights, device)
    executor.check(origin.recipe)
    with _folder(out, resume) as folder, ProgressDisplay() as progress:
        found = remake(origin, folder, executor, progress)
    if found.differing:
        raise Failed(f"{source}: {_differing(found)}")
    click.echo(f"{source}: identical, all {found.voxels} voxels, seed {origin.recipe.seed}")
    if found.changes:
        click.echo(f"changed since, to no effect: {'; '.join(found.changes)}")


def _differing(found: Remade) -> str:
    share = 100 * found.differing / found.voxels
    changes = "; ".join(found.changes) or (
        "nothing that it tells of its making, so it was altered later or made on another machine"
    )
    return f"{found.differing} of {found.voxels} voxels differ ({share:.3g} %); changed: {changes}"


@contextlib.contextmanager
def _folder(out: Path | None, resume: bool) -> Iterator[Folder]:
    """The folder to make it in, taken: --out, or one that goes when it is compared."""
    with contextlib.ExitStack() as stack:
        if out is None:
            out = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recon-")))
        folder = Folder(out)
        stack.enter_context(folder.taken())
        if folder.request() is not None and not resume:
            raise ReconError(f"{out} holds an unfinished run; --resume goes on with it")
        yield folder
