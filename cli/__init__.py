"""The command `recon`: one file a command, each imported only when it is used."""

import recon.cli.early  # noqa: F401, I001, the others take a tenth of a second
import errno
import importlib
import io
import signal
import sys
import traceback
import warnings
from difflib import get_close_matches
from typing import Any

import click
from click.shell_completion import CompletionItem

from recon.cli import snapshot
from recon.cli.flags import name_flags, name_flags_here
from recon.cli.interrupts import Interrupt, Stopped, listen
from recon.cli.loading import announce_loading
from recon.cli.notices import show_notices
from recon.cli.outside import find_command, outside_commands, packages_installed
from recon.cli.plugin_faults import describe_fault
from recon.cli.quiet import make_quiet_flag
from recon.cli.together import claim_message, join_group

COMMANDS = {
    "run": ("run", "Reconstruct volumes, measure them and write a report."),
    "train": (
        "train",
        "Train a denoiser on micrographs, and write its weights and their card.",
    ),
    "import": ("import_", "Make micrographs from images of up to three planes, or from a volume."),
    "measure": ("measure", "Measure a volume, and compare it with micrographs or a volume."),
    "compare": (
        "compare",
        "Compare several runs or volumes: verdicts, errors, curves and slices side by side.",
    ),
    "export": (
        "export",
        "Write a volume for other programs: ImageJ, ParaView, Abaqus, Gmsh, OpenFOAM and more.",
    ),
    "view": ("view", "Show a volume, micrographs or a run, in napari or in the browser."),
    "sweep": ("sweep", "Repeat a run for every combination of values; make a table and plots."),
    "design": ("design", "Find settings whose volumes have the properties that you want."),
    "example": ("example", "Write the micrographs and the true volume of an embedded example."),
    "weights": ("weights", "List trained weights, show a card, or copy weights to a file."),
    "plugins": ("plugins", "List the installed plugins, or describe one with its options."),
    "doctor": ("doctor", "Check the installation, and show versions and the machine."),
    "completion": ("completion", "Print the script for shell completion."),
}
"""Command -> the module that holds it, and its help line (kept here so that help is quick)."""


class Refused(click.ClickException):
    """What a user can mend: one line, exit code 2."""

    exit_code = 2


def _warn_of_clash(name: str) -> None:
    for package, _ in outside_commands().get(name, []):
        warnings.warn(
            f"command {name!r} of {package} is left out: recon has one of this name; ask its "
            "author to rename it",
            stacklevel=2,
        )


def _write_any_name() -> None:
    """Let results hold names of files that are not UTF-8: they leave as they came."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="surrogateescape")


class Commands(click.Group):
    """Imports a command when it is called; the one place where ReconError meets the user."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *(name for name in outside_commands() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if ctx is not None and snapshot.is_completing(ctx):
            return snapshot.command(cmd_name, self)
        if cmd_name in COMMANDS:
            _warn_of_clash(cmd_name)
            module = importlib.import_module(f"recon.cli.{COMMANDS[cmd_name][0]}")
            command: click.Command | None = module.command
        else:
            command = find_command(cmd_name)
        if command is not None and not any(param.name == "quiet" for param in command.params):
            command.params.append(make_quiet_flag())
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"{error.format_message()}{hint}", ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # From the table: click's own would import every command to see whether it is hidden.
        known = {name: help for name, (_, help) in COMMANDS.items()}
        if packages_installed():
            known = snapshot.read_helps(self) | known
        commands = [
            CompletionItem(name, help=help)
            for name, help in known.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])
        offers = outside_commands().items()
        more = [(name, given[0][1]) for name, given in offers if name not in COMMANDS]
        if more:
            with formatter.section("Commands of other packages"):
                formatter.write_dl([(name, each.get_short_help_str(80)) for name, each in more])

    def invoke(self, ctx: click.Context) -> Any:
        _write_any_name()
        try:
            try:
                return self._invoked(ctx)
            except Interrupt as stop:  # while the handlers were being set or taken away
                raise Stopped(stop.number) from stop
        except click.ClickException as error:
            if not claim_message(error.format_message()):
                ctx.exit(error.exit_code)
            raise

    def _invoked(self, ctx: click.Context) -> Any:
        warnings.showwarning = lambda message, *_: click.echo(
            f"warning: {name_flags_here(str(message))}", err=True
        )
        # What an error leaves behind in zarr; the error itself is shown.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited")
        with listen() as received, show_notices(), announce_loading():
            try:
                with join_group():
                    return super().invoke(ctx)
            except click.UsageError as error:  # without click's two lines of usage above it
                raise Refused(error.format_message()) from error
            except (click.ClickException, click.exceptions.Exit):
                raise
            except (KeyboardInterrupt, Exception) as error:
                # An import or a library may have made another error of the interrupt.
                if received.number is None and isinstance(error, KeyboardInterrupt):
                    received.number = signal.SIGINT
                if received.number is not None:
                    raise Stopped(received.number) from error
                if line := in_one_line(error):
                    raise self._in_flags(line, ctx) from error
                raise

    def _in_flags(self, line: click.ClickException, ctx: click.Context) -> click.ClickException:
        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        return line if command is None else type(line)(name_flags(line.message, command))


def in_one_line(error: BaseException) -> click.ClickException | None:
    """The line that a user gets in place of a traceback; None for a defect."""
    try:  # only now, so that what needs no PyTorch is quick
        from recon.core.errors import ReconError
        from recon.core.storage.memory import is_out_of_memory
    except (ImportError, OSError, MemoryError) as broken:  # its libraries are large and many
        return not_loadable(broken)
    if isinstance(error, ImportError | OSError) and fails_in_library(error):
        return not_loadable(error)
    cause = error.__cause__ or error  # a file that could not be read for want of memory is sound
    if isinstance(error, ReconError) and ("memory" in str(error) or not is_out_of_memory(cause)):
        return Refused(str(error))
    if is_out_of_memory(cause):
        return Refused(
            "out of memory; take a smaller shape= or smaller images, fewer slices at a time "
            "(denoiser.batch_slices=...), or allow it more"
        )
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return Refused(f"{str(error.filename)[:100]}...: {error.strerror}; shorten it")
    fault = describe_fault(error)
    return Refused(fault) if fault else None


def not_loadable(broken: BaseException) -> click.ClickException | None:
    """The line for a library that does not load; None for a module of recon's."""
    if isinstance(broken, MemoryError) or "llocate memory" in str(broken):
        return Refused("out of memory; recon needs about 1 GB to start, allow it more")
    if str(getattr(broken, "name", None)).startswith("recon."):
        return None
    message = f"recon cannot start, a library that it needs does not load: {broken}; "
    return click.ClickException(f"{message}install it again")


def fails_in_library(error: BaseException) -> bool:
    """Whether an error came up while a module that is not recon's was executed by an import."""
    modules = [
        str(frame.f_globals.get("__name__"))
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_name == "<module>"
    ]
    return any(name != "__main__" and not name.startswith("recon") for name in modules)


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[make_quiet_flag()],
)
@click.version_option(package_name="microrecon", prog_name="recon")
def main() -> None:
    """Statistically equivalent 3D volumes from 2D micrographs."""
